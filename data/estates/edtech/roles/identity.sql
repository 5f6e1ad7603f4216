CREATE ROLE identity LOGIN;

-- Reviews this instance.
CREATE ROLE workbench LOGIN IN ROLE pg_monitor;
