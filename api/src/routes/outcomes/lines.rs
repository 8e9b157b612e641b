//! Cuts a stream of bytes into lines without ever holding more than one of bounded length.

use bytes::BytesMut;

/// Longest line that is read, in bytes; a longer one is refused and skipped up to its end.
pub const MAX_LINE: usize = 16 * 1024;

/// A cut line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Cut {
    Line(BytesMut),
    TooLong,
}

/// The cutter. Lines end with LF or CRLF; the last one may lack its end.
#[derive(Debug, Default)]
pub struct Lines {
    held: BytesMut,
    /// How much of `held` was searched for an end.
    searched: usize,
    /// Within a line that was found too long.
    skipping: bool,
}

impl Lines {
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next whole line of what was pushed.
    pub fn next(&mut self) -> Option<Cut> {
        let Some(end) = self.held[self.searched..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|place| place + self.searched)
        else {
            self.searched = self.held.len();
            if self.held.len() > MAX_LINE {
                self.held.clear();
                self.searched = 0;
                self.skipping = true;
            }
            return None;
        };
        let line = self.held.split_to(end + 1);
        self.searched = 0;
        Some(self.finish(line))
    }

    /// What stands after the last line end, once nothing more comes.
    pub fn last(&mut self) -> Option<Cut> {
        let line = self.held.split();
        self.searched = 0;
        (self.skipping || !line.is_empty()).then(|| self.finish(line))
    }

    fn finish(&mut self, mut line: BytesMut) -> Cut {
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.truncate(line.len() - 1);
        }
        if std::mem::take(&mut self.skipping) || line.len() > MAX_LINE {
            Cut::TooLong
        } else {
            Cut::Line(line)
        }
    }
}

#[cfg(test)]
mod tests;
