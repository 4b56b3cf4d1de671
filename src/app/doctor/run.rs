//! Trying the ways: a few at a time, each for a bounded time.

use super::judge::{Watch, judge};
use super::{Outcome, Plan, Report, Way};
use crate::session::findings::Findings;
use crate::session::{Session, Store};
use crate::transport::{Order, Outgoing};
use crate::wire::{ConnectionId, EventSender, ReaderOptions};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Ways that are tried at the same time.
pub const EXAMINE_WAYS: usize = 4;

/// How long a stream is watched once it is open: lumps of a few seconds are seen.
const WATCH: Duration = Duration::from_secs(5);

/// Bytes of one way that wait to be looked at.
const LIMIT_BYTES: usize = 4 << 20;

/// Bytes of one way after which enough was seen.
const MOST_BYTES: u64 = 16 << 20;

/// Tries every way of a plan; `told` hears of each as it ends. No way takes longer than `limit`.
pub async fn examine(plan: Plan, limit: Duration, told: impl Fn(&Outcome, usize)) -> Report {
    let room = Arc::new(Semaphore::new(EXAMINE_WAYS));
    let began = jiff::Timestamp::now();
    let total = plan.ways.len();
    let mut tasks = JoinSet::new();
    for (at, way) in plan.ways.into_iter().enumerate() {
        let room = room.clone();
        tasks.spawn(async move {
            // The semaphore is never closed.
            let _turn = room.acquire_owned().await;
            (at, try_way(way, limit).await)
        });
    }
    let mut outcomes = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let Ok((at, outcome)) = done else { continue };
        told(&outcome, total);
        outcomes.push((at, outcome));
    }
    outcomes.sort_by_key(|(at, _)| *at);
    let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    Report::new(plan.address, began.to_string(), outcomes)
}

async fn try_way(way: Way, limit: Duration) -> Outcome {
    let began = Instant::now();
    let started_unix_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    let (events, mut receivers) = EventSender::new(began, 1, vec![ReaderOptions::new(LIMIT_BYTES)]);
    let mut session = Session::new(Store::memory(), started_unix_ns);
    let mut spec = way.spec.clone();
    let stages = &mut spec.timeouts;
    let limit_ms = limit.as_millis() as u64;
    for stage in [&mut stages.dns_ms, &mut stages.tcp_ms, &mut stages.tls_ms, &mut stages.answer_ms] {
        *stage = limit_ms.min(if *stage == 0 { u64::MAX } else { *stage });
    }
    let mut watch = Watch::new();
    if let Some(receiver) = receivers.pop() {
        let runtime = tokio::runtime::Handle::current();
        let handle = crate::transport::connect(&runtime, ConnectionId(1), spec, way.url.clone(), events.clone());
        drop(events);
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        let mut pinged = false;
        let mut closing: Option<Instant> = None;
        loop {
            ticks.tick().await;
            while let Some(entry) = receiver.try_next() {
                session.take(entry);
            }
            // What ends because we close tells nothing.
            if closing.is_none() {
                watch.look(&session);
            }
            if watch.is_open_socket && !std::mem::replace(&mut pinged, true) {
                handle.order(Order::Send(Outgoing::Ping(Bytes::from_static(b"pushscope doctor"))));
            }
            let is_long_enough = watch.open_since.is_some_and(|since| since.elapsed() >= WATCH);
            let is_much = session.totals().bytes[1] > MOST_BYTES;
            if closing.is_none() && (watch.is_enough || is_much || is_long_enough || began.elapsed() >= limit) {
                closing = Some(Instant::now());
                handle.order(Order::Close { code: Some(1000), reason: String::new() });
            }
            let is_late = closing.is_some_and(|since| since.elapsed() > Duration::from_millis(500));
            if handle.is_over() || is_late {
                handle.stop();
                break;
            }
        }
        // The last events follow the end.
        let patience = Instant::now() + Duration::from_millis(300);
        while session.connections().first().is_none_or(|connection| connection.over.is_none())
            && Instant::now() < patience
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
            while let Some(entry) = receiver.try_next() {
                session.take(entry);
            }
        }
    }
    let mut findings = Findings::default();
    findings.look_all(&session);
    judge(way, &session, &watch, findings.list().to_vec())
}
