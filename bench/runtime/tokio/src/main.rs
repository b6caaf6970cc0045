//! The tokio peer: `peer_tokio CASE THREADS` prints nanoseconds an operation. Idiomatic, not tuned: tasks, join handles, channels.
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

fn skynet(first: u64, size: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if size == 1 {
            return first;
        }
        let children: Vec<_> = (0..10).map(|i| tokio::spawn(skynet(first + i * (size / 10), size / 10))).collect();
        let mut sum = 0;
        for child in children {
            sum += child.await.unwrap();
        }
        sum
    })
}

fn fib(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let left = tokio::spawn(fib(n - 1));
        let right = fib(n - 2).await;
        left.await.unwrap() + right
    })
}

async fn join(width: usize, rounds: usize) {
    for _ in 0..rounds {
        let children: Vec<_> = (0..width as u64).map(|i| tokio::spawn(async move { i })).collect();
        let mut sum = 0;
        for child in children {
            sum += child.await.unwrap();
        }
        std::hint::black_box(sum);
    }
}

// An actor as tokio's users write one: a task that owns its state, asked over a channel, answering over another.
async fn contended(callers: usize, times: usize) {
    let (ask, mut inbox) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(64);
    let actor = tokio::spawn(async move {
        let mut total = 0;
        while let Some((n, reply)) = inbox.recv().await {
            total += n;
            let _ = reply.send(total);
        }
    });
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let ask = ask.clone();
            tokio::spawn(async move {
                for _ in 0..times {
                    let (reply, answer) = oneshot::channel();
                    ask.send((1, reply)).await.unwrap();
                    answer.await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    drop(ask);
    actor.await.unwrap();
}

// tokio's channels have one receiver: a pair each.
async fn through(pairs: usize, count: usize) {
    let mut tasks = Vec::new();
    for _ in 0..pairs {
        let (send, mut receive) = mpsc::channel::<u64>(4096);
        tasks.push(tokio::spawn(async move {
            for k in 0..(count / pairs) as u64 {
                send.send(k).await.unwrap();
            }
        }));
        tasks.push(tokio::spawn(async move { while receive.recv().await.is_some() {} }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

async fn sleepers(count: u64) {
    let tasks: Vec<_> =
        (0..count).map(|i| tokio::spawn(tokio::time::sleep(Duration::from_micros(1 + i * 7919 % 997)))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let threads: usize = words[2].parse().unwrap();
    let runtime = if threads == 1 {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    } else {
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_time().build().unwrap()
    };
    let case = words[1].clone();
    let run = || {
        runtime.block_on(async {
            // Inside a task, so that what it spawns is local to a worker.
            let case = case.clone();
            tokio::spawn(async move {
                match case.as_str() {
                    "skynet" => std::hint::black_box(skynet(0, 100_000).await) as f64 * 0.0 + 111_111.0,
                    "fib" => std::hint::black_box(fib(24).await) as f64 * 0.0 + 150_049.0,
                    "join1" => { join(1, 100_000).await; 100_000.0 }
                    "join10" => { join(10, 10_000).await; 100_000.0 }
                    "join30000" => { join(30_000, 4).await; 120_000.0 }
                    "actor1" | "actor8" | "actor64" | "actor10000" => {
                        let callers: usize = case[5..].parse().unwrap();
                        contended(callers, 200_000 / callers).await;
                        200_000.0
                    }
                    "channel1" => { through(1, 400_000).await; 400_000.0 }
                    "channel2" => { through(2, 400_000).await; 400_000.0 }
                    "sleep" => { sleepers(100_000).await; 100_000.0 }
                    other => panic!("no case {other}"),
                }
            })
            .await
            .unwrap()
        })
    };
    run();
    let start = Instant::now();
    let operations = run();
    println!("{}", start.elapsed().as_nanos() as f64 / operations);
}
