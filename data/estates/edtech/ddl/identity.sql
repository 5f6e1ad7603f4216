GRANT CREATE ON SCHEMA public TO identity;
SET LOCAL ROLE identity;

CREATE TYPE "userRole" AS ENUM ('student', 'tutor', 'admin');
CREATE TYPE "userStatus" AS ENUM ('active', 'suspended', 'closed');

CREATE TABLE users (
    id           uuid PRIMARY KEY,
    email        text NOT NULL CONSTRAINT users_email_unique UNIQUE,
    "firstName"  text NOT NULL,
    "lastName"   text NOT NULL,
    role         "userRole" NOT NULL,
    status       "userStatus" NOT NULL DEFAULT 'active',
    "createdAt"  timestamptz NOT NULL,
    "updatedAt"  timestamptz NOT NULL
);

-- At most one of each user: the user's key is its own.
CREATE TABLE user_profiles (
    "userId"     uuid PRIMARY KEY CONSTRAINT "user_profiles_userId_users_id_fk" REFERENCES users (id),
    bio          text,
    preferences  jsonb NOT NULL DEFAULT '{}',
    settings     jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE user_sessions (
    "userId"     uuid NOT NULL CONSTRAINT "user_sessions_userId_users_id_fk" REFERENCES users (id),
    "sessionId"  uuid PRIMARY KEY,
    "expiresAt"  timestamptz NOT NULL
);
CREATE INDEX "user_sessions_userId_idx" ON user_sessions ("userId");

-- "userId" refers to users as those above do, and no foreign key says so.
CREATE TABLE auth_tokens (
    "userId"     uuid NOT NULL,
    token        text PRIMARY KEY,
    type         text NOT NULL CHECK (type IN ('refresh', 'passwordReset', 'emailVerification')),
    "expiresAt"  timestamptz NOT NULL
);
CREATE INDEX "auth_tokens_userId_idx" ON auth_tokens ("userId");
