use domain::tasks::TaskFailure;
pub fn ingest(input: &str) -> Result<&str, TaskFailure> {
    Ok(input.trim())
}
