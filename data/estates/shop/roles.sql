-- A login for each service; each may enter its own database and no other (see ddl/).
CREATE ROLE auth_service LOGIN;
CREATE ROLE user_service LOGIN;
CREATE ROLE product_service LOGIN;
CREATE ROLE order_service LOGIN;
CREATE ROLE payment_service LOGIN;
CREATE ROLE notification_service LOGIN;
CREATE ROLE cart_service LOGIN;
CREATE ROLE discount_service LOGIN;
CREATE ROLE shipping_service LOGIN;
CREATE ROLE return_service LOGIN;

-- People who answer customers: their logins are members, and read in user_db.
CREATE ROLE support NOLOGIN;

-- Reviews this estate.
CREATE ROLE workbench LOGIN IN ROLE pg_monitor;
