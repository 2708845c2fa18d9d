-- Written by the connector every few seconds, so that its slot moves on while nobody changes users.
CREATE TABLE cdc_heartbeat (
    id int PRIMARY KEY CONSTRAINT cdc_heartbeat_one_row CHECK (id = 1),
    ts timestamptz NOT NULL
);
INSERT INTO cdc_heartbeat (id, ts) VALUES (1, now());

-- No column list: with REPLICA IDENTITY FULL it would make every UPDATE of users fail. The
-- connector leaves out the secret columns.
CREATE PUBLICATION accounts_cdc FOR TABLE users, cdc_heartbeat
    WITH (publish = 'insert, update, delete, truncate');
