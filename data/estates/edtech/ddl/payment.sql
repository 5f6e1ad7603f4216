GRANT CREATE ON SCHEMA public TO payment;
SET LOCAL ROLE payment;

CREATE TYPE "paymentStatus" AS ENUM ('pending', 'succeeded', 'failed', 'refunded');

CREATE TABLE payments (
    id               uuid PRIMARY KEY,
    "lessonId"       uuid NOT NULL,
    "studentUserId"  uuid NOT NULL,
    "tutorUserId"    uuid NOT NULL,
    amount           numeric(10, 2) NOT NULL CHECK (amount > 0),
    "platformFee"    numeric(10, 2) NOT NULL,
    status           "paymentStatus" NOT NULL DEFAULT 'pending'
);
CREATE INDEX "payments_lessonId_idx" ON payments ("lessonId");
CREATE INDEX "payments_studentUserId_idx" ON payments ("studentUserId");
CREATE INDEX "payments_tutorUserId_idx" ON payments ("tutorUserId");

-- Planted, here, in payouts and in stripe_accounts: what Stripe calls a thing refers to nothing in this estate.
CREATE TABLE transactions (
    id                     uuid PRIMARY KEY,
    "paymentId"            uuid NOT NULL CONSTRAINT "transactions_paymentId_payments_id_fk" REFERENCES payments (id),
    type                   text NOT NULL CHECK (type IN ('charge', 'fee', 'refund')),
    amount                 numeric(10, 2) NOT NULL,
    "stripeTransactionId"  text NOT NULL CONSTRAINT "transactions_stripeTransactionId_unique" UNIQUE
);
CREATE INDEX "transactions_paymentId_idx" ON transactions ("paymentId");

CREATE TABLE payouts (
    id                uuid PRIMARY KEY,
    "tutorUserId"     uuid NOT NULL,
    amount            numeric(10, 2) NOT NULL,
    period            text NOT NULL, -- a month, such as 2026-02
    status            text NOT NULL CHECK (status IN ('pending', 'paid', 'failed')),
    "stripePayoutId"  text
);
CREATE INDEX "payouts_tutorUserId_idx" ON payouts ("tutorUserId");

-- "paymentId" is no foreign key here, nor in refunds, where no index serves it either.
CREATE TABLE invoices (
    id               uuid PRIMARY KEY,
    "paymentId"      uuid NOT NULL,
    "studentUserId"  uuid NOT NULL,
    "tutorUserId"    uuid NOT NULL,
    amount           numeric(10, 2) NOT NULL
);
CREATE INDEX "invoices_paymentId_idx" ON invoices ("paymentId");
CREATE INDEX "invoices_studentUserId_idx" ON invoices ("studentUserId");
CREATE INDEX "invoices_tutorUserId_idx" ON invoices ("tutorUserId");

CREATE TABLE refunds (
    id           uuid PRIMARY KEY,
    "paymentId"  uuid NOT NULL,
    amount       numeric(10, 2) NOT NULL,
    reason       text,
    status       text NOT NULL CHECK (status IN ('requested', 'approved', 'rejected'))
);

CREATE TABLE stripe_accounts (
    id                    uuid PRIMARY KEY,
    "tutorUserId"         uuid NOT NULL CONSTRAINT "stripe_accounts_tutorUserId_unique" UNIQUE,
    "stripeAccountId"     text NOT NULL CONSTRAINT "stripe_accounts_stripeAccountId_unique" UNIQUE,
    "onboardingComplete"  boolean NOT NULL DEFAULT false
);
