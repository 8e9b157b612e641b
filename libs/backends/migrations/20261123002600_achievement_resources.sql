-- What the resource of a record declared last, so that a field that is taken away there is taken away here, while a field that was set
-- through the API stays (domain::achievement::Overrides); and who shall announce it (domain::achievement::PublishSettings; absent:
-- as the source says).
ALTER TABLE achievements
    ADD COLUMN declared jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN publish  jsonb;
CREATE INDEX achievements_resource ON achievements (resource_uid) WHERE resource_uid IS NOT NULL;
CREATE INDEX achievements_numbered ON achievements (namespace, host, lower(repository), number) WHERE number IS NOT NULL;
