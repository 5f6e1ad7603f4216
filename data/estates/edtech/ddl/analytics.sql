GRANT CREATE ON SCHEMA public TO analytics;
SET LOCAL ROLE analytics;

-- "targetUserId" is always a user; "targetType" says in which role this one was reviewed.
CREATE TABLE reviews (
    id                uuid PRIMARY KEY,
    "reviewerUserId"  uuid NOT NULL,
    "targetUserId"    uuid NOT NULL,
    "targetType"      text NOT NULL CHECK ("targetType" IN ('tutor', 'student')),
    rating            smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
    comment           text
);
CREATE INDEX "reviews_reviewerUserId_idx" ON reviews ("reviewerUserId");
CREATE INDEX "reviews_targetUserId_idx" ON reviews ("targetUserId");

CREATE TABLE analytics_events (
    id           uuid PRIMARY KEY,
    "userId"     uuid,
    "eventType"  text NOT NULL,
    metadata     jsonb NOT NULL DEFAULT '{}',
    timestamp    timestamptz NOT NULL
);
CREATE INDEX "analytics_events_userId_timestamp_idx" ON analytics_events ("userId", timestamp);
CREATE INDEX "analytics_events_eventType_timestamp_idx" ON analytics_events ("eventType", timestamp);

CREATE TABLE reports (
    id             uuid PRIMARY KEY,
    type           text NOT NULL,
    data           jsonb NOT NULL,
    "generatedAt"  timestamptz NOT NULL,
    "generatedBy"  uuid NOT NULL
);
CREATE INDEX "reports_type_generatedAt_idx" ON reports (type, "generatedAt");

CREATE TABLE user_metrics (
    id             uuid PRIMARY KEY,
    "userId"       uuid NOT NULL CONSTRAINT "user_metrics_userId_unique" UNIQUE,
    "lessonCount"  integer NOT NULL DEFAULT 0,
    "totalSpent"   numeric(12, 2) NOT NULL DEFAULT 0,
    "avgRating"    numeric(3, 2)
);
