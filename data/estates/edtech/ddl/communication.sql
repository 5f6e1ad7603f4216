GRANT CREATE ON SCHEMA public TO communication;
SET LOCAL ROLE communication;

-- No foreign key in this database: that messages refer to conversations shows in names and joins only.
CREATE TABLE conversations (
    id                uuid PRIMARY KEY,
    "lessonId"        uuid,
    "participantIds"  uuid[] NOT NULL,
    status            text NOT NULL CHECK (status IN ('open', 'archived')),
    "lastMessageAt"   timestamptz
);
CREATE INDEX "conversations_lessonId_idx" ON conversations ("lessonId");
CREATE INDEX "conversations_participantIds_idx" ON conversations USING gin ("participantIds");

CREATE TABLE messages (
    id                uuid PRIMARY KEY,
    "conversationId"  uuid NOT NULL,
    "senderUserId"    uuid NOT NULL,
    content           text NOT NULL,
    "messageType"     text NOT NULL CHECK ("messageType" IN ('text', 'image', 'file')),
    timestamp         timestamptz NOT NULL
);
CREATE INDEX "messages_conversationId_timestamp_idx" ON messages ("conversationId", timestamp);
CREATE INDEX "messages_senderUserId_idx" ON messages ("senderUserId");

CREATE TABLE notifications (
    id           uuid PRIMARY KEY,
    "userId"     uuid NOT NULL,
    type         text NOT NULL,
    title        text NOT NULL,
    content      text,
    "isRead"     boolean NOT NULL DEFAULT false,
    "createdAt"  timestamptz NOT NULL
);
CREATE INDEX "notifications_userId_createdAt_idx" ON notifications ("userId", "createdAt");
CREATE INDEX "notifications_unread_idx" ON notifications ("userId") WHERE NOT "isRead";

CREATE TABLE video_sessions (
    id              uuid PRIMARY KEY,
    "lessonId"      uuid NOT NULL,
    "meetingUrl"    text NOT NULL,
    "startedAt"     timestamptz,
    "endedAt"       timestamptz,
    "recordingUrl"  text
);
CREATE INDEX "video_sessions_lessonId_idx" ON video_sessions ("lessonId");
