//! How much memory a process takes that does little.

/// Keeps the kernel from backing this process with huge pages. Our allocator (mimalloc, which a library chooses for every
/// binary that links it) asks for them, and a process that needs ten megabytes then takes forty.
///
/// Call it first: pages that are in use stay as they are. Where the kernel does not know the flag nothing changes.
pub fn use_small_pages() {
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_pages_are_off_afterwards() {
        use_small_pages();
        // A sandbox may not know the call at all; then there is nothing to see.
        if let Ok(disabled) = rustix::thread::transparent_huge_pages_are_disabled() {
            assert!(disabled);
        }
    }
}
