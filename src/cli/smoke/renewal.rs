//! Keeps a token fresh for as long as anybody may log in with it: clients that reconnect log in anew.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::client::WeakSecret;

/// Puts a new token in the place of the old one long before that ends; where none can be signed, tries again soon.
///
/// One that has ended without a new one is marked as such. Ends when nobody holds the secret any more.
pub(super) async fn keep_fresh<F: Future<Output = Option<String>>>(
    secret: WeakSecret,
    valid_for: Duration,
    sign: impl Fn() -> F,
) {
    let (usual, soon) = (valid_for / 3, valid_for / 30);
    let (mut pause, mut last) = (usual, Instant::now());
    loop {
        tokio::time::sleep(pause).await;
        if secret.upgrade().is_none() {
            return;
        }
        let signed = sign().await;
        let Some(secret) = secret.upgrade() else { return };
        match signed {
            Some(token) => {
                secret.replace(token);
                (pause, last) = (usual, Instant::now());
            }
            None => {
                if last.elapsed() >= valid_for {
                    secret.end();
                }
                pause = soon;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::client::Secret;

    #[tokio::test]
    async fn a_token_that_ended_without_a_new_one_is_used_no_more_until_there_is_one() {
        let (token, is_possible) = (Secret::new("token-0"), AtomicU32::new(0));
        let sign = || {
            let signed = (is_possible.load(Ordering::SeqCst) > 0).then(|| "token-1".to_owned());
            async move { signed }
        };
        let renewing = keep_fresh(token.downgrade(), Duration::from_millis(60), sign);
        let watching = async {
            while !token.is_over() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            is_possible.store(1, Ordering::SeqCst);
            while token.is_over() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let now = token.expose();
            drop(token);
            now
        };
        let ((), now) = tokio::join!(renewing, watching);
        assert_eq!(&*now, "token-1");
    }

    #[tokio::test]
    async fn a_token_is_signed_anew_until_nobody_holds_it() {
        let (token, signed) = (Secret::new("token-0"), AtomicU32::new(0));
        let sign = || {
            let number = signed.fetch_add(1, Ordering::SeqCst) + 1;
            // One in between cannot be signed, and the one before stays.
            async move { (number != 2).then(|| format!("token-{number}")) }
        };
        let renewing = keep_fresh(token.downgrade(), Duration::from_millis(30), sign);
        let watching = async {
            let mut seen = vec![token.expose().to_string()];
            while seen.len() < 4 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let now = token.expose().to_string();
                if seen.last() != Some(&now) {
                    seen.push(now);
                }
            }
            drop(token);
            seen
        };
        let ((), seen) = tokio::join!(renewing, watching);
        assert_eq!(seen[0], "token-0");
        assert!(seen.iter().all(|token| token != "token-2"), "{seen:?}");
    }
}
