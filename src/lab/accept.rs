//! Accepting connections, for the lab and for its middleboxes.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Serves each connection until dropped, which closes every connection. `serve` is also told whether `most` are open
/// already, so that it may refuse this one in its own words.
pub async fn accept<Serving>(listener: TcpListener, most: usize, serve: impl Fn(TcpStream, bool) -> Serving)
where
    Serving: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, connections.len() >= most));
            }
            // Out of file descriptors, most likely: some may be free again soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
