//! Bodies of bounded size and time, and of bounded size together: nobody who can reach the port can fill the memory.

use crate::{problem::Problem, state::Limits};
use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Bytes of unfinished bodies that are held at the same time.
const HELD_MAX: usize = 64 * 1024 * 1024;

/// How many bytes all requests hold together.
#[derive(Debug, Clone, Default)]
pub struct Held(Arc<AtomicUsize>);

/// A body, counted until it is dropped.
#[derive(Debug)]
pub struct HeldBody {
    bytes: BytesMut,
    held: Held,
}

impl HeldBody {
    fn push(&mut self, piece: &Bytes) -> Result<(), Problem> {
        let before = self.held.0.fetch_add(piece.len(), Ordering::Relaxed);
        self.bytes.extend_from_slice(piece);
        if before + piece.len() > HELD_MAX {
            return Err(Problem::unavailable(
                "too many deliveries come at the same time; deliver again",
            ));
        }
        Ok(())
    }
}

impl Drop for HeldBody {
    fn drop(&mut self) {
        self.held.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl std::ops::Deref for HeldBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The raw bytes of a body.
///
/// # Errors
/// 413 beyond [`Limits::webhook_bytes`], 408 where nothing comes for [`Limits::idle`], 503 where all requests together hold too much.
pub async fn read(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
    held: &Held,
) -> Result<HeldBody, Problem> {
    let limit = limits.webhook_bytes;
    let too_large = || Problem::too_large(format!("the body is larger than {limit} bytes"));
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut read = HeldBody {
        bytes: BytesMut::new(),
        held: held.clone(),
    };
    let mut pieces = body.into_data_stream();
    loop {
        let piece = tokio::time::timeout(limits.idle, pieces.next())
            .await
            .map_err(|_| {
                Problem::timed_out(format!(
                    "nothing came for {} s; deliver again",
                    limits.idle.as_secs()
                ))
            })?;
        let Some(piece) = piece else { return Ok(read) };
        let piece = piece.map_err(|_| Problem::invalid("the body broke off"))?;
        if read.len() + piece.len() > limit {
            return Err(too_large());
        }
        read.push(&piece)?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// FAULTS 53: what all requests hold together is bounded, and given back.
    #[tokio::test]
    async fn bodies_are_counted_together_and_given_back() {
        let (held, limits) = (Held::default(), Limits::default());
        let one = read(&HeaderMap::new(), Body::from("12345"), &limits, &held)
            .await
            .unwrap();
        assert_eq!(held.0.load(Ordering::Relaxed), 5);
        drop(one);
        held.0.store(HELD_MAX - 2, Ordering::Relaxed);
        let refused = read(&HeaderMap::new(), Body::from("123"), &limits, &held)
            .await
            .unwrap_err();
        assert_eq!(refused.status().as_u16(), 503);
        assert_eq!(held.0.load(Ordering::Relaxed), HELD_MAX - 2);
    }

    /// FAULTS 53
    #[tokio::test]
    async fn an_endless_body_ends_at_the_limit() {
        let limits = Limits {
            webhook_bytes: 1_000,
            ..Limits::default()
        };
        let endless = Body::from_stream(futures::stream::repeat_with(|| {
            Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b'x'; 64]))
        }));
        let held = Held::default();
        let refused = read(&HeaderMap::new(), endless, &limits, &held)
            .await
            .unwrap_err();
        assert_eq!(refused.status().as_u16(), 413);
        assert_eq!(held.0.load(Ordering::Relaxed), 0);
    }
}
