//! Keeps a token fresh for as long as anybody may log in with it: clients that reconnect log in anew.

use std::future::Future;
use std::time::Duration;

use crate::client::WeakSecret;

/// Puts a new token in the place of the old one long before that ends; where none can be signed, tries again soon.
///
/// Ends when nobody holds the secret any more.
pub(super) async fn keep_fresh<F: Future<Output = Option<String>>>(
    secret: WeakSecret,
    valid_for: Duration,
    sign: impl Fn() -> F,
) {
    let (usual, soon) = (valid_for / 3, valid_for / 30);
    let mut pause = usual;
    loop {
        tokio::time::sleep(pause).await;
        if secret.upgrade().is_none() {
            return;
        }
        let signed = sign().await;
        pause = if signed.is_some() { usual } else { soon };
        if let (Some(token), Some(secret)) = (signed, secret.upgrade()) {
            secret.replace(token);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::client::Secret;

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
