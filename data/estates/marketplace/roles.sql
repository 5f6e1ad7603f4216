-- Who may log in. Two services have logins of their own; all others still share `app`.
CREATE ROLE app LOGIN;
CREATE ROLE content LOGIN;
CREATE ROLE search LOGIN;

-- Owns views that must stay read-only: it may read what they show and nothing else.
CREATE ROLE view_owner NOLOGIN;

-- Reviews this estate.
CREATE ROLE workbench LOGIN IN ROLE pg_monitor;
