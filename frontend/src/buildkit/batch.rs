//! Much at once: several frames in one write, and no waking up for each of them. `h2` writes and flushes each frame
//! of data by itself, and gRPC in Go takes none larger than 16 KiB; so a context of gigabytes would be mostly calls
//! to the system and switches between client, hook and buildkitd.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Whoever passed on as much since it last waited, in bytes, is in the middle of a transfer.
const TRANSFER: usize = 32 << 10;
/// How long more of a transfer may gather in the socket before it is looked at again.
const PAUSE: Duration = Duration::from_micros(50);

thread_local! {
    /// What this thread passed on since it last waited, in bytes.
    static PASSED_ON: Cell<usize> = const { Cell::new(0) };
}

/// To be called when this thread has nothing to do and is about to wait. In the middle of a transfer there is more
/// in a moment, and it is cheaper for all three processes to take that at once than to be woken for each piece.
/// What is small, as every call but a transfer is, is never held up.
pub fn before_waiting() {
    if PASSED_ON.take() >= TRANSFER {
        std::thread::sleep(PAUSE);
    }
}

/// Gathers what is written, and passes it on when that is much, or when there is nothing more to come.
///
/// A flush is put off once, until the task that wants it was polled again: whoever has more to write does so
/// before that, and whoever hasn't flushes again. Made for `h2` connections, which flush at the end of every
/// poll.
pub struct Batch<T> {
    io: T,
    gathered: Vec<u8>,
    /// What of `gathered` was passed on already.
    passed: usize,
    /// A flush was put off, and nothing was written since.
    put_off: bool,
    limit: usize,
}

impl<T> Batch<T> {
    /// Gathers up to `limit` bytes.
    pub fn new(io: T, limit: usize) -> Self {
        Self { io, gathered: Vec::new(), passed: 0, put_off: false, limit }
    }

    /// How much more it may gather.
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.gathered.len())
    }
}

impl<T: AsyncWrite + Unpin> Batch<T> {
    /// Passes on what was gathered.
    fn poll_pass(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.passed < self.gathered.len() {
            let rest = self.gathered.get(self.passed..).unwrap_or_default();
            let written = ready!(Pin::new(&mut self.io).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.passed += written;
            PASSED_ON.set(PASSED_ON.get().saturating_add(written));
        }
        self.gathered.clear();
        self.passed = 0;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Batch<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.room() == 0 {
            ready!(this.poll_pass(context))?;
        }
        this.put_off = false;
        let mut taken = 0;
        for part in parts {
            let fits = part.len().min(this.room());
            this.gathered.extend_from_slice(part.get(..fits).unwrap_or_default());
            taken += fits;
        }
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.gathered.is_empty() && !this.put_off {
            this.put_off = true;
            context.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_pass(context))?;
        Pin::new(&mut this.io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_pass(context))?;
        Pin::new(&mut this.io).poll_shutdown(context)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Batch<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;

    /// Takes a few bytes at a time, and counts how often it was asked to.
    #[derive(Default)]
    struct Socket {
        taken: Vec<u8>,
        writes: usize,
        flushes: usize,
        at_once: usize,
    }

    impl AsyncWrite for Socket {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
            let fits = data.len().min(self.at_once);
            self.taken.extend_from_slice(&data[..fits]);
            self.writes += 1;
            Poll::Ready(Ok(fits))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.flushes += 1;
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Stage {
        batch: Batch<Socket>,
        woken: Arc<Woken>,
    }

    impl Stage {
        fn new(limit: usize, at_once: usize) -> Self {
            let batch = Batch::new(Socket { at_once, ..Socket::default() }, limit);
            Self { batch, woken: Arc::default() }
        }

        fn poll<T>(
            &mut self,
            step: impl FnOnce(Pin<&mut Batch<Socket>>, &mut Context<'_>) -> Poll<io::Result<T>>,
        ) -> io::Result<T> {
            let waker = Waker::from(Arc::clone(&self.woken));
            match step(Pin::new(&mut self.batch), &mut Context::from_waker(&waker)) {
                Poll::Ready(result) => result,
                Poll::Pending => panic!("the socket never lets anybody wait"),
            }
        }

        fn write(&mut self, data: &[u8]) -> usize {
            self.poll(|batch, context| batch.poll_write(context, data)).unwrap()
        }

        fn flush(&mut self) -> io::Result<()> {
            self.poll(Batch::poll_flush)
        }
    }

    #[test]
    fn what_is_flushed_one_by_one_is_written_at_once() {
        let mut stage = Stage::new(100, 100);
        for part in [b"one ", b"two "] {
            assert_eq!(stage.write(part), 4);
            stage.flush().unwrap();
        }
        assert_eq!((stage.batch.io.writes, stage.woken.0.load(Ordering::Relaxed)), (0, 2));
        stage.flush().unwrap();
        assert_eq!(stage.batch.io.taken, b"one two ");
        assert_eq!((stage.batch.io.writes, stage.batch.io.flushes), (1, 1));
    }

    #[test]
    fn a_flush_of_nothing_is_not_put_off() {
        let mut stage = Stage::new(100, 100);
        stage.flush().unwrap();
        assert_eq!((stage.batch.io.flushes, stage.woken.0.load(Ordering::Relaxed)), (1, 0));
    }

    #[test]
    fn no_more_is_gathered_than_the_limit() {
        let mut stage = Stage::new(6, 4);
        assert_eq!(stage.write(b"abcdefgh"), 6);
        assert_eq!(stage.write(b"gh"), 2);
        assert_eq!(stage.batch.io.taken, b"abcdef");
        let parts = [IoSlice::new(b"ij"), IoSlice::new(b"klm")];
        assert_eq!(stage.poll(|batch, context| batch.poll_write_vectored(context, &parts)).unwrap(), 4);
        stage.poll(Batch::poll_shutdown).unwrap();
        assert_eq!(stage.batch.io.taken, b"abcdefghijkl");
    }

    #[test]
    fn a_socket_that_takes_nothing_is_broken() {
        let mut stage = Stage::new(6, 0);
        stage.write(b"a");
        stage.flush().unwrap();
        assert_eq!(stage.flush().unwrap_err().kind(), io::ErrorKind::WriteZero);
    }

    #[test]
    fn only_transfers_pause() {
        before_waiting();
        let mut stage = Stage::new(100, 100);
        stage.write(&[0; 100]);
        stage.poll(Batch::poll_shutdown).unwrap();
        assert_eq!(PASSED_ON.get(), 100);
        before_waiting();
        assert_eq!(PASSED_ON.get(), 0);
    }
}
