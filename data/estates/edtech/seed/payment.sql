-- Rows from before the first day. Counts: [populations] and [seed_rows] of workload.toml; keys: md5(name:number).
-- Payment n is for lesson n, whose student and tutor are those of learning's seed.
INSERT INTO payments (id, "lessonId", "studentUserId", "tutorUserId", amount, "platformFee", status)
SELECT md5('payment:' || n)::uuid, md5('lesson:' || n)::uuid, md5('pupil:' || 1 + n * 7 % current_setting('population.pupil')::int)::uuid,
    md5('teacher:' || 1 + (1 + n % current_setting('population.course')::int) % current_setting('population.teacher')::int)::uuid,
    20 + n % 60, (20 + n % 60) * 0.15, 'succeeded'
FROM generate_series(1, current_setting('population.payment')::int) AS n;

INSERT INTO transactions (id, "paymentId", type, amount, "stripeTransactionId")
SELECT md5('transaction:' || n)::uuid, md5('payment:' || n)::uuid, 'charge', 20 + n % 60, 'txn_' || substr(md5('s' || n), 1, 24)
FROM generate_series(1, current_setting('population.payment')::int) AS n;

INSERT INTO invoices (id, "paymentId", "studentUserId", "tutorUserId", amount)
SELECT md5('invoice:' || id)::uuid, id, "studentUserId", "tutorUserId", amount FROM payments;

INSERT INTO payouts (id, "tutorUserId", amount, period, status, "stripePayoutId")
SELECT md5('payout:' || n)::uuid, md5('teacher:' || 1 + n % current_setting('population.teacher')::int)::uuid, 200 + n % 700,
    to_char(current_setting('estate.start')::date - interval '1 month', 'YYYY-MM'), 'paid', 'po_' || substr(md5('p' || n), 1, 24)
FROM generate_series(1, current_setting('population.payout')::int) AS n;

INSERT INTO refunds (id, "paymentId", amount, reason, status)
SELECT md5('refund:' || n)::uuid, md5('payment:' || 1 + n * 12 % current_setting('population.payment')::int)::uuid, 20, 'Lesson cancelled', 'approved'
FROM generate_series(1, current_setting('population.refund')::int) AS n;

INSERT INTO stripe_accounts (id, "tutorUserId", "stripeAccountId", "onboardingComplete")
SELECT md5('stripe:' || n)::uuid, md5('teacher:' || n)::uuid, 'acct_' || substr(md5('a' || n), 1, 16), n % 10 <> 0
FROM generate_series(1, current_setting('population.teacher')::int) AS n;
