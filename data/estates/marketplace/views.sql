-- The six agreed reads across services: each view lives in the schema of the service that reads.
-- They are meant to be read-only.

-- Planted: a simple view over one table, owned by a role that may write the table. PostgreSQL makes
-- it updatable, and the order service does update it.
CREATE VIEW order_service.v_users AS
SELECT id, email, name
FROM auth_service.users;
ALTER VIEW order_service.v_users OWNER TO app;

-- Clean twins. A view cannot be written where it joins or groups ...
CREATE VIEW order_service.v_sellers AS
SELECT s.id, s.shop_name, s.slug, s.status, p.support_email, p.return_policy
FROM seller_service.sellers AS s
JOIN seller_service.seller_profiles AS p ON p.seller_id = s.id;
ALTER VIEW order_service.v_sellers OWNER TO app;

CREATE VIEW payment_service.v_orders AS
SELECT o.id, o.order_number, o.status, o.total_amount, o.currency, o.placed_at, count(i.id) AS items
FROM order_service.orders AS o
LEFT JOIN order_service.order_items AS i ON i.order_id = o.id
GROUP BY o.id;
ALTER VIEW payment_service.v_orders OWNER TO app;

CREATE VIEW influencer_service.v_products AS
SELECT p.id, p.seller_id, p.title, p.price, c.name AS category
FROM product_service.products AS p
JOIN product_service.categories AS c ON c.id = p.category_id
WHERE p.status = 'active';
ALTER VIEW influencer_service.v_products OWNER TO app;

CREATE VIEW admin_service.v_users AS
SELECT u.id, u.email, u.name, u.status, u.created_at, u.last_login_at, array_agg(r.name ORDER BY r.name) AS roles
FROM auth_service.users AS u
LEFT JOIN auth_service.user_roles AS ur ON ur.user_id = u.id
LEFT JOIN auth_service.roles AS r ON r.id = ur.role_id
GROUP BY u.id;
ALTER VIEW admin_service.v_users OWNER TO app;

-- ... nor where its owner may only read, however simple it is.
GRANT USAGE ON SCHEMA auth_service TO view_owner;
GRANT SELECT (id, email, status) ON auth_service.users TO view_owner;
CREATE VIEW notification_service.v_users AS
SELECT id, email
FROM auth_service.users
WHERE status = 'active';
ALTER VIEW notification_service.v_users OWNER TO view_owner;
GRANT SELECT ON notification_service.v_users TO app;
