-- What the operator keeps of an experiment beside its design: which object it belongs to, why it ended, and what was counted.

ALTER TABLE experiments
    -- The living resource. `uid` is that of the first one and stays: units, arms and promotions hang on it.
    ADD COLUMN object_uid       uuid,
    ADD COLUMN ended_reason     text CHECK (ended_reason IN ('decided', 'cancelled', 'gone')),
    -- Objective outcomes of the persona's units from before the start, frozen at the start.
    ADD COLUMN history          jsonb NOT NULL DEFAULT '[]',
    -- domain::experiment::Evidence of the last evaluation without its units, and the last maturity that it counted: with the frozen
    -- units they give the same verdict again.
    ADD COLUMN counted          jsonb,
    ADD COLUMN counted_maturity bigint;
CREATE INDEX experiments_by_object ON experiments ((coalesce(object_uid, uid)));
CREATE INDEX experiments_by_name ON experiments (namespace_uid, name, created_at DESC);
CREATE INDEX experiment_decisions_by_experiment ON experiment_decisions (experiment_uid, id DESC);
