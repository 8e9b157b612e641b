-- Resources that the operator makes for records of a source, and announcements.
--
-- resource_owner: the source, as the object that it was then, for which the operator made the resource; absent where a person did. With
-- resource_wanted a resource that vanishes was deleted by a person; without it the operator takes it away. It is no reference: a source
-- that was made again is another object, and what the earlier one owned goes with it.
-- announcement: what was ordered with announced_job, {persona, text, approved}; the ContentJob is made from this and nothing else.
-- announcement_made_at: when that ContentJob was seen to be there; it is never made again.
ALTER TABLE achievements
    ADD COLUMN resource_owner       uuid,
    ADD COLUMN announcement         jsonb,
    ADD COLUMN announcement_made_at timestamptz,
    ADD CONSTRAINT achievements_announcement_is_ordered CHECK (announcement IS NULL OR announced_job IS NOT NULL);
CREATE INDEX achievements_collected_resources ON achievements (id) WHERE resource_owner IS NOT NULL;
