GRANT CREATE ON SCHEMA public TO learning;
SET LOCAL ROLE learning;

CREATE TYPE "lessonStatus" AS ENUM ('scheduled', 'completed', 'cancelled');

-- Planted, here and in students: email and name are copies of what identity holds of the user ("firstName" and "lastName" joined),
-- made when UserCreatedEvent arrives; nobody tells learning when they change.
CREATE TABLE tutors (
    id            uuid PRIMARY KEY,
    "userId"      uuid NOT NULL CONSTRAINT "tutors_userId_unique" UNIQUE,
    email         text NOT NULL,
    name          text NOT NULL,
    "hourlyRate"  numeric(10, 2) NOT NULL,
    subjects      text[] NOT NULL,
    languages     text[] NOT NULL,
    "isVerified"  boolean NOT NULL DEFAULT false
);

CREATE TABLE students (
    id                    uuid PRIMARY KEY,
    "userId"              uuid NOT NULL CONSTRAINT "students_userId_unique" UNIQUE,
    email                 text NOT NULL,
    name                  text NOT NULL,
    "learningGoals"       text[] NOT NULL DEFAULT '{}',
    "preferredLanguages"  text[] NOT NULL DEFAULT '{}'
);

CREATE TABLE courses (
    id           uuid PRIMARY KEY,
    "tutorId"    uuid NOT NULL CONSTRAINT "courses_tutorId_tutors_id_fk" REFERENCES tutors (id),
    title        text NOT NULL,
    description  text,
    price        numeric(10, 2) NOT NULL,
    duration     integer NOT NULL CHECK (duration > 0) -- minutes
);
CREATE INDEX "courses_tutorId_idx" ON courses ("tutorId");

-- Of the three references only "courseId" is a foreign key; "tutorId" and "studentId" are habits that other tables declare.
CREATE TABLE lessons (
    id             uuid PRIMARY KEY,
    "courseId"     uuid NOT NULL CONSTRAINT "lessons_courseId_courses_id_fk" REFERENCES courses (id),
    "tutorId"      uuid NOT NULL,
    "studentId"    uuid NOT NULL,
    "scheduledAt"  timestamptz NOT NULL,
    status         "lessonStatus" NOT NULL DEFAULT 'scheduled',
    "meetingUrl"   text
);
CREATE INDEX "lessons_courseId_idx" ON lessons ("courseId");
CREATE INDEX "lessons_tutorId_scheduledAt_idx" ON lessons ("tutorId", "scheduledAt");
CREATE INDEX "lessons_studentId_scheduledAt_idx" ON lessons ("studentId", "scheduledAt");

CREATE TABLE matching_requests (
    id            uuid PRIMARY KEY,
    "studentId"   uuid NOT NULL CONSTRAINT "matching_requests_studentId_students_id_fk" REFERENCES students (id),
    subject       text NOT NULL,
    budget        numeric(10, 2),
    requirements  text
);
CREATE INDEX "matching_requests_studentId_idx" ON matching_requests ("studentId");

-- No foreign key.
CREATE TABLE tutor_availability (
    id           uuid PRIMARY KEY,
    "tutorId"    uuid NOT NULL,
    "dayOfWeek"  smallint NOT NULL CHECK ("dayOfWeek" BETWEEN 0 AND 6),
    "startTime"  time NOT NULL,
    "endTime"    time NOT NULL
);
CREATE INDEX "tutor_availability_tutorId_idx" ON tutor_availability ("tutorId");
