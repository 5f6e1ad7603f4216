GRANT CREATE ON SCHEMA public TO ai;
SET LOCAL ROLE ai;

CREATE TABLE content (
    id               uuid PRIMARY KEY,
    "creatorUserId"  uuid NOT NULL,
    title            text NOT NULL,
    description      text,
    "contentType"    text NOT NULL CHECK ("contentType" IN ('article', 'exercise', 'video')),
    subject          text NOT NULL
);
CREATE INDEX "content_creatorUserId_idx" ON content ("creatorUserId");
CREATE INDEX content_subject_idx ON content (subject);

-- Planted: "sessionId" is what the model's provider calls a chat. It has the name of identity's key and refers to nothing.
CREATE TABLE ai_interactions (
    id           uuid PRIMARY KEY,
    "userId"     uuid NOT NULL,
    "sessionId"  text NOT NULL,
    query        text NOT NULL,
    response     text NOT NULL,
    timestamp    timestamptz NOT NULL
);
CREATE INDEX "ai_interactions_userId_timestamp_idx" ON ai_interactions ("userId", timestamp);
CREATE INDEX "ai_interactions_sessionId_idx" ON ai_interactions ("sessionId");

-- "targetId" is the key of what "targetType" says: a tutor or a course of learning's, or a content of this service's own.
CREATE TABLE recommendations (
    id            uuid PRIMARY KEY,
    "userId"      uuid NOT NULL,
    "targetType"  text NOT NULL CHECK ("targetType" IN ('tutor', 'course', 'content')),
    "targetId"    uuid NOT NULL,
    score         numeric(5, 4) NOT NULL,
    reason        text
);
CREATE INDEX "recommendations_userId_score_idx" ON recommendations ("userId", score);
CREATE INDEX "recommendations_targetType_targetId_idx" ON recommendations ("targetType", "targetId");

CREATE TABLE learning_paths (
    id           uuid PRIMARY KEY,
    "userId"     uuid NOT NULL,
    subject      text NOT NULL,
    steps        jsonb NOT NULL,
    progress     numeric(5, 2) NOT NULL DEFAULT 0, -- percent
    "createdAt"  timestamptz NOT NULL
);
CREATE INDEX "learning_paths_userId_idx" ON learning_paths ("userId");
