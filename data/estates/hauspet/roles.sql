-- One login for all: the services are modules of one application.
CREATE ROLE hauspet LOGIN;

-- Reviews this estate.
CREATE ROLE workbench LOGIN IN ROLE pg_monitor;
