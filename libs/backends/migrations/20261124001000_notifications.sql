-- What people are told outside of the cluster. A row is written before the status that shows the same, under an id that repeating the step
-- gives again, so that nothing is told twice and nothing is forgotten.
CREATE TABLE notifications (
    id          uuid PRIMARY KEY,
    namespace   text NOT NULL,
    kind        text NOT NULL,
    name        text NOT NULL,
    topic       text NOT NULL,
    reason      text NOT NULL,
    message     text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    attempts    integer NOT NULL DEFAULT 0,
    not_before  timestamptz NOT NULL DEFAULT now(),
    error       text,
    -- Taken by the receiver, or given up; then it is over.
    sent_at     timestamptz,
    given_up_at timestamptz
);
CREATE INDEX notifications_waiting ON notifications (created_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX notifications_by_age ON notifications (created_at);

ALTER TABLE notifications ENABLE ROW LEVEL SECURITY;
ALTER TABLE notifications FORCE ROW LEVEL SECURITY;

CREATE VIEW grafana.notifications AS
SELECT created_at AS at, namespace, kind, name, topic, reason, message,
    CASE WHEN sent_at IS NOT NULL THEN 'sent' WHEN given_up_at IS NOT NULL THEN 'given up' ELSE 'waiting' END AS state
FROM notifications;

DO $$
DECLARE install text := current_database();
BEGIN
    EXECUTE format('CREATE POLICY owner_all ON notifications TO %I USING (true) WITH CHECK (true)', current_user);
    EXECUTE format('CREATE POLICY operator_all ON notifications TO %I USING (true) WITH CHECK (true)', install || '_operator');
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON notifications TO %I', install || '_operator');
    EXECUTE format('GRANT SELECT ON grafana.notifications TO %I', install || '_grafana');
END $$;
