CREATE TABLE users (
    user_id bigint NOT NULL CONSTRAINT users_user_id CHECK (user_id > 0),
    handle text NOT NULL CONSTRAINT users_handle CHECK (handle ~ '^[A-Za-z0-9_.]{1,30}$'),
    display_name text NOT NULL
        CONSTRAINT users_display_name CHECK (char_length(display_name) BETWEEN 1 AND 100),
    email text NOT NULL
        CONSTRAINT users_email CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND char_length(email) <= 254),
    password_hash text NOT NULL
        CONSTRAINT users_password_hash CHECK (char_length(password_hash) BETWEEN 1 AND 255),
    country text NOT NULL CONSTRAINT users_country CHECK (country ~ '^[A-Z]{2}$'),
    is_private boolean NOT NULL DEFAULT false,
    account_type text NOT NULL DEFAULT 'personal'
        CONSTRAINT users_account_type CHECK (account_type IN ('personal', 'creator', 'business')),
    verified boolean NOT NULL DEFAULT false,
    audience_tier text NOT NULL DEFAULT 'regular'
        CONSTRAINT users_audience_tier CHECK (audience_tier IN ('regular', 'popular', 'celebrity')),
    follower_count bigint NOT NULL DEFAULT 0
        CONSTRAINT users_follower_count CHECK (follower_count >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (user_id),
    CONSTRAINT users_times CHECK (updated_at >= created_at)
);
CREATE UNIQUE INDEX users_handle_key ON users (lower(handle));

-- The change stream needs the whole old row: SCD2 compares it, and a delete tells what was deleted.
ALTER TABLE users REPLICA IDENTITY FULL;

-- When an account was last deleted, so that a repeated change is known for one. Not captured.
CREATE TABLE closed_accounts (
    user_id bigint PRIMARY KEY,
    closed_at timestamptz NOT NULL
);
