//! The post: takes letters without making anybody wait, and carries them to their services.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc},
    time::sleep,
};

use crate::{Notification, Sender, Verdict};

/// How much the post takes on.
#[derive(Debug, Clone, Copy)]
pub struct PostLimits {
    /// Letters that wait; more are dropped.
    pub queue: usize,
    /// Letters under way at a time.
    pub carriers: usize,
    /// How often a letter is handed in, the first time included.
    pub attempts: u32,
    /// The pause after the first attempt; it doubles with each one. A service may ask for another one, up to a minute.
    pub pause: Duration,
}

impl Default for PostLimits {
    fn default() -> Self {
        Self { queue: 20_000, carriers: 64, attempts: 4, pause: Duration::from_secs(1) }
    }
}

/// The longest pause that a service may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A notification on its way, with what its sender wants to know it by.
#[derive(Debug)]
pub struct Letter<T> {
    /// Which service.
    pub service: Arc<dyn Sender>,
    /// What.
    pub notification: Notification,
    /// The sender's own words.
    pub about: T,
}

/// What is done when a letter has come to its end.
type Ended<T> = Arc<dyn Fn(T, Notification, Verdict) + Send + Sync>;

/// The post.
#[derive(Debug, Clone)]
pub struct Post<T>(mpsc::Sender<Letter<T>>);

impl<T: Send + 'static> Post<T> {
    /// Opens the post. `ended` hears of every letter that was taken in, once.
    pub fn open(limits: PostLimits, ended: impl Fn(T, Notification, Verdict) + Send + Sync + 'static) -> Self {
        let (letters, queue) = mpsc::channel(limits.queue);
        tokio::spawn(carry_all(queue, limits, Arc::new(ended)));
        Self(letters)
    }

    /// Hands a letter in; never waits. Answers false when too many wait: then it is dropped and counted.
    pub fn offer(&self, letter: Letter<T>) -> bool {
        let taken = self.0.try_send(letter).is_ok();
        metrics::gauge!("push_waiting").set((self.0.max_capacity() - self.0.capacity()) as f64);
        if !taken {
            metrics::counter!("push_dropped_total").increment(1);
        }
        taken
    }
}

async fn carry_all<T: Send + 'static>(mut queue: mpsc::Receiver<Letter<T>>, limits: PostLimits, ended: Ended<T>) {
    let carriers = Arc::new(Semaphore::new(limits.carriers));
    while let Some(letter) = queue.recv().await {
        let carrier = carriers.clone().acquire_owned().await.expect("the carriers are never sent home");
        let ended = ended.clone();
        tokio::spawn(async move {
            let verdict = carry(letter.service.as_ref(), &letter.notification, limits).await;
            let (word, platform) = (word(&verdict), letter.service.platform());
            metrics::counter!("push_notifications_total", "platform" => platform.to_string(), "outcome" => word)
                .increment(1);
            ended(letter.about, letter.notification, verdict);
            drop(carrier);
        });
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Taken(_) => "taken",
        Verdict::Gone => "gone",
        Verdict::Later(..) => "given_up",
        Verdict::Refused(_) => "refused",
    }
}

/// Hands a notification in until the service takes or refuses it, or the attempts are used up.
async fn carry(service: &dyn Sender, notification: &Notification, limits: PostLimits) -> Verdict {
    let mut pause = limits.pause;
    let mut attempt = 1;
    loop {
        let verdict = service.send(notification).await;
        let Verdict::Later(words, wanted) = &verdict else { return verdict };
        tracing::debug!(platform = service.platform(), attempt, words, "a push service asks to come again");
        if attempt >= limits.attempts {
            return verdict;
        }
        sleep(wanted.unwrap_or(pause).min(LONGEST_PAUSE)).await;
        pause *= 2;
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;
    use tokio::sync::mpsc::channel;

    use super::*;

    /// Says "later" so many times before it takes a letter.
    #[derive(Debug)]
    struct Busy(AtomicU32);

    #[async_trait]
    impl Sender for Busy {
        fn platform(&self) -> u32 {
            0
        }

        async fn send(&self, _: &Notification) -> Verdict {
            match self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
                Ok(_) => Verdict::Later("busy".into(), None),
                Err(_) => Verdict::Taken(None),
            }
        }
    }

    const LIMITS: PostLimits = PostLimits { queue: 2, carriers: 1, attempts: 3, pause: Duration::from_secs(1) };

    fn letter(busy: u32) -> Letter<u32> {
        Letter { service: Arc::new(Busy(AtomicU32::new(busy))), notification: Notification::default(), about: busy }
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_service_is_asked_again_and_given_up() {
        let (ends, mut ended) = channel(16);
        let post = Post::open(LIMITS, move |about, _, verdict| ends.try_send((about, verdict)).unwrap());
        for (busy, expected) in [(0, "taken"), (2, "taken"), (3, "given_up")] {
            assert!(post.offer(letter(busy)));
            let (about, verdict) = ended.recv().await.unwrap();
            assert_eq!((about, word(&verdict)), (busy, expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_fit_is_dropped_at_once() {
        let post = Post::open(LIMITS, |_, _, _| {});
        // One is under way, one waits for a carrier, two wait in the queue.
        let mut taken = 0;
        for _ in 0..10 {
            taken += u32::from(post.offer(letter(1000)));
            tokio::task::yield_now().await;
        }
        assert_eq!(taken, 4);
    }
}
