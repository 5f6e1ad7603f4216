-- Search builds its index by reading product's tables directly, with its own login.
GRANT USAGE ON SCHEMA product_service TO search;
GRANT SELECT ON product_service.products, product_service.product_variants, product_service.categories,
    product_service.brands TO search;

-- Planted: from the days when editors signed up through the content service; nothing has used it since.
GRANT USAGE ON SCHEMA auth_service TO content;
GRANT SELECT, INSERT, UPDATE, DELETE ON auth_service.users, auth_service.user_roles TO content;
