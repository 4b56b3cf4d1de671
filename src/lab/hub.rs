//! The relay: channels that keep what was published, and their subscribers.
//!
//! A subscriber has no queue of its own: it reads the channel's ring from where it is. So a slow one costs nothing; it
//! loses the oldest messages once the ring has moved past it, and is told how many.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::feed::{Timeline, unix_ns};
use super::message::{Form, Message, Position, json_string};
use super::params::{Params, Scenario};

/// How many messages, and how many bytes of them, a channel keeps; the newest is kept whatever its size.
pub const KEPT_MESSAGES: usize = 256;
const KEPT_BYTES: usize = 16 << 20;
pub const CHANNELS: usize = 64;
const TIMELINES: usize = 256;

/// A message that was published, numbered from 1 in its channel.
#[derive(Debug)]
pub struct Published {
    pub number: u64,
    pub sent_ns: i64,
    form: Form,
    data: Vec<u8>,
}

impl Published {
    pub fn write(&self, message: &mut Message) {
        message.data.clone_from(&self.data);
        message.form = self.form;
        message.event = None;
        message.cut = None;
    }
}

#[derive(Debug, Default)]
struct Ring {
    kept: VecDeque<Arc<Published>>,
    bytes: usize,
}

#[derive(Debug)]
pub struct Channel {
    pub name: String,
    last: AtomicU64,
    subscribers: AtomicUsize,
    ring: Mutex<Ring>,
    changed: watch::Sender<u64>,
}

impl Channel {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            last: AtomicU64::new(0),
            subscribers: AtomicUsize::new(0),
            ring: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }

    /// Keeps `data` and wakes every subscriber; gives the message's number and how many subscribers it was for: those
    /// there before the first of them, done by it, could leave.
    pub fn publish(&self, data: Vec<u8>) -> (u64, usize) {
        let form = Form::of(&data);
        let subscribers = self.subscribers();
        let mut ring = lock(&self.ring);
        let number = self.last.load(Ordering::Acquire) + 1;
        ring.bytes += data.len();
        ring.kept.push_back(Arc::new(Published { number, sent_ns: unix_ns(), form, data }));
        while ring.kept.len() > 1 && (ring.kept.len() > KEPT_MESSAGES || ring.bytes > KEPT_BYTES) {
            if let Some(oldest) = ring.kept.pop_front() {
                ring.bytes -= oldest.data.len();
            }
        }
        self.last.store(number, Ordering::Release);
        drop(ring);
        self.changed.send_replace(number);
        (number, subscribers)
    }

    /// The number of the newest message; 0 before the first.
    pub fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    pub fn subscribers(&self) -> usize {
        self.subscribers.load(Ordering::Relaxed)
    }

    /// The oldest kept message after `number`.
    pub fn next_after(&self, number: u64) -> Option<Arc<Published>> {
        if self.last() <= number {
            return None;
        }
        let ring = lock(&self.ring);
        let at = ring.kept.partition_point(|message| message.number <= number);
        ring.kept.get(at).cloned()
    }

    /// Every kept message after `number`.
    pub fn all_after(&self, number: u64) -> Vec<Arc<Published>> {
        let ring = lock(&self.ring);
        ring.kept.iter().filter(|message| message.number > number).cloned().collect()
    }

    /// What tells a subscriber that the ring has moved past it.
    pub fn write_missed(&self, missed: u64, message: &mut Message) {
        let text = format!("{{\"missed\":{missed},\"channel\":{}}}", json_string(&self.name));
        *message = Message { data: text.into_bytes(), event: Some("missed"), ..Message::default() };
    }
}

/// Being subscribed to a channel; dropping it is leaving.
#[derive(Debug)]
pub struct Subscription {
    pub channel: Arc<Channel>,
    changed: watch::Receiver<u64>,
}

impl Subscription {
    pub fn new(channel: Arc<Channel>) -> Self {
        channel.subscribers.fetch_add(1, Ordering::Relaxed);
        Self { changed: channel.changed.subscribe(), channel }
    }

    /// Waits until something is published after `number`.
    pub async fn published_after(&mut self, number: u64) {
        // The sender lives in the channel that `self` holds, so this cannot fail.
        let _ = self.changed.wait_for(|last| *last > number).await;
    }

    /// Where a subscriber starts that names no position: at the generated feed's beginning, with what is published
    /// from now on.
    pub fn start(&self) -> Position {
        Position { generated: 0, published: self.channel.last() }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.channel.subscribers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FeedKey(String, u64, Option<u64>, usize, Scenario);

/// All that the lab's connections share.
#[derive(Debug, Default)]
pub struct Hub {
    channels: Mutex<HashMap<String, Arc<Channel>>>,
    timelines: Mutex<HashMap<FeedKey, Timeline>>,
}

impl Hub {
    /// The channel of that name, made if need be; `None` if there are too many already.
    pub fn channel(&self, name: &str) -> Option<Arc<Channel>> {
        let mut channels = lock(&self.channels);
        if let Some(channel) = channels.get(name) {
            return Some(channel.clone());
        }
        if channels.len() >= CHANNELS {
            channels.retain(|_, channel| Arc::strong_count(channel) > 1 || channel.last() > 0);
        }
        if channels.len() >= CHANNELS {
            return None;
        }
        let channel = Arc::new(Channel::new(name));
        channels.insert(name.to_owned(), channel.clone());
        Some(channel)
    }

    /// Every channel, by name.
    pub fn channels(&self) -> Vec<Arc<Channel>> {
        let mut all: Vec<_> = lock(&self.channels).values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The timeline of the polled feed with these parameters, which starts with the first request for it.
    pub fn timeline(&self, params: &Params) -> Timeline {
        let key =
            FeedKey(params.channel.clone(), params.rate.to_bits(), params.count, params.size_bytes, params.scenario);
        let mut timelines = lock(&self.timelines);
        if timelines.len() >= TIMELINES && !timelines.contains_key(&key) {
            let oldest = timelines.values().map(|timeline| timeline.start).min();
            timelines.retain(|_, timeline| Some(timeline.start) != oldest);
        }
        *timelines.entry(key).or_insert_with(|| Timeline::starting_now(1))
    }
}

/// A panic elsewhere leaves these collections whole, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_keeps_the_newest_messages() {
        let hub = Hub::default();
        let channel = hub.channel("a").unwrap();
        for n in 1..=KEPT_MESSAGES as u64 + 10 {
            assert_eq!(channel.publish(b"1".to_vec()), (n, 0));
        }
        assert_eq!(channel.next_after(0).unwrap().number, 11);
        assert_eq!(channel.all_after(260).len(), 6);
        assert!(channel.next_after(channel.last()).is_none());
    }

    #[test]
    fn a_big_message_pushes_the_others_out_and_stays() {
        let channel = Channel::new("a");
        channel.publish(b"small".to_vec());
        channel.publish(vec![b' '; KEPT_BYTES + 1]);
        assert_eq!(channel.next_after(0).unwrap().number, 2);
    }

    #[test]
    fn unused_channels_make_room() {
        let hub = Hub::default();
        for n in 0..CHANNELS * 2 {
            assert!(hub.channel(&n.to_string()).is_some());
        }
        let held: Vec<_> = (0..CHANNELS).map(|n| hub.channel(&format!("held {n}"))).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(hub.channel("one more").is_none());
    }
}
