//! Sending files: the client's side of `FileSync.DiffCopy`.

use std::collections::{BTreeMap, BTreeSet};

use policy_check::buildkit::proto::filesync::v1::file_sync_server::FileSync;
use policy_check::buildkit::proto::fsutil::packet::PacketType;
use policy_check::buildkit::proto::fsutil::{Packet, Stat};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

const DIR: u32 = 1 << 31;
const SYMLINK: u32 = 1 << 27;

/// One folder, in memory.
#[derive(Clone, Default)]
pub(crate) struct Folder(BTreeMap<String, Entry>);

/// What a path is; folders follow from the paths below them.
#[derive(Clone)]
enum Entry {
    File(Vec<u8>),
    /// Announced with its size, but its data comes back empty, as Go's sender does it.
    Unreadable(i64),
    Link(String),
}

/// Folders by `dir-name`.
pub(crate) struct FolderSync(pub(crate) BTreeMap<String, Folder>);

impl Folder {
    /// A folder of these files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let file = |(path, data): &(&str, &str)| ((*path).to_owned(), Entry::File(data.as_bytes().to_vec()));
        Self(files.iter().map(file).collect())
    }

    /// With a file of any size.
    pub(crate) fn file(mut self, path: &str, data: Vec<u8>) -> Self {
        self.0.insert(path.to_owned(), Entry::File(data));
        self
    }

    /// With a symbolic link to `target`, relative to the folder.
    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        self.0.insert(path.to_owned(), Entry::Link(target.to_owned()));
        self
    }

    /// With a file that nobody may read.
    pub(crate) fn unreadable(mut self, path: &str, size: i64) -> Self {
        self.0.insert(path.to_owned(), Entry::Unreadable(size));
        self
    }

    /// What is listed, in order, parents included.
    fn select(&self, follow: &[String], include: &[String], exclude: &[String]) -> Vec<(Stat, Vec<u8>)> {
        let mut include = include.to_vec();
        for path in follow {
            include.push(path.clone());
            if let Some(Entry::Link(target)) = self.0.get(path) {
                include.push(target.clone());
            }
        }
        let wanted = |path: &str| {
            let included = include.is_empty() || include.iter().any(|pattern| covers(pattern, path));
            included && !exclude.iter().any(|pattern| covers(pattern, path))
        };
        let mut paths = BTreeSet::new();
        for path in self.0.keys().filter(|path| wanted(path)) {
            paths.extend(path.match_indices('/').map(|(end, _)| path[..end].to_owned()));
            paths.insert(path.clone());
        }
        paths.into_iter().map(|path| self.stat(path)).collect()
    }

    fn stat(&self, path: String) -> (Stat, Vec<u8>) {
        let stat = Stat { path: path.clone(), ..Default::default() };
        match self.0.get(&path) {
            None => (Stat { mode: DIR | 0o755, ..stat }, Vec::new()),
            Some(Entry::Link(target)) => {
                (Stat { mode: SYMLINK | 0o777, linkname: target.clone(), ..stat }, Vec::new())
            }
            Some(Entry::Unreadable(size)) => (Stat { mode: 0o600, size: *size, ..stat }, Vec::new()),
            Some(Entry::File(data)) => {
                let size = i64::try_from(data.len()).expect("a test's file is small");
                (Stat { mode: 0o644, size, ..stat }, data.clone())
            }
        }
    }
}

/// Whether a pattern (`*` within a name, `**/` for any depth) matches a path or a folder above it.
fn covers(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    matches(&pattern, &path)
}

fn matches(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], _) => true,
        (["**", rest @ ..], _) => (0..=path.len()).any(|skip| matches(rest, &path[skip..])),
        ([_, ..], []) => false,
        ([first, rest @ ..], [name, below @ ..]) => {
            let same = match first.split_once('*') {
                None => first == name,
                Some((start, end)) => {
                    name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
                }
            };
            same && matches(rest, below)
        }
    }
}

fn values(metadata: &MetadataMap, key: &str) -> Vec<String> {
    let encoded = metadata.contains_key(format!("{key}-encoded"));
    let text = metadata.get_all(key).iter().filter_map(|value| value.to_str().ok());
    text.map(|text| {
        if encoded {
            percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
        } else {
            text.to_owned()
        }
    })
    .collect()
}

#[tonic::async_trait]
impl FileSync for FolderSync {
    type DiffCopyStream = ReceiverStream<Result<Packet, Status>>;
    type TarStreamStream = ReceiverStream<Result<Packet, Status>>;

    async fn diff_copy(
        &self,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::DiffCopyStream>, Status> {
        let metadata = request.metadata();
        let dir = values(metadata, "dir-name").pop().unwrap_or_default();
        let folder =
            self.0.get(&dir).ok_or_else(|| Status::not_found(format!("no access allowed to dir {dir:?}")))?;
        let patterns = |key: &str| values(metadata, key);
        let entries = folder.select(
            &patterns("followpaths"),
            &patterns("include-patterns"),
            &patterns("exclude-patterns"),
        );
        let (sender, receiver) = mpsc::channel(16);
        tokio::spawn(send(entries, request.into_inner(), sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn tar_stream(
        &self,
        _: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::TarStreamStream>, Status> {
        Err(Status::unimplemented("no tar streams"))
    }
}

async fn send(
    entries: Vec<(Stat, Vec<u8>)>,
    mut requests: Streaming<Packet>,
    sender: mpsc::Sender<Result<Packet, Status>>,
) {
    let packet = |kind: PacketType| Packet { r#type: kind.into(), ..Default::default() };
    for (stat, _) in &entries {
        let _ = sender.send(Ok(Packet { stat: Some(stat.clone()), ..packet(PacketType::PacketStat) })).await;
    }
    let _ = sender.send(Ok(packet(PacketType::PacketStat))).await;
    while let Ok(Some(request)) = requests.message().await {
        match request.r#type() {
            PacketType::PacketReq => {
                let index = usize::try_from(request.id).unwrap_or(usize::MAX);
                let data = entries.get(index).map_or(&[][..], |(_, data)| data);
                // Empty data ends the file.
                for chunk in data.chunks(32 << 10).chain([&[][..]]) {
                    let (id, data) = (request.id, chunk.to_vec());
                    let _ = sender.send(Ok(Packet { id, data, ..packet(PacketType::PacketData) })).await;
                }
            }
            PacketType::PacketFin => {
                let _ = sender.send(Ok(packet(PacketType::PacketFin))).await;
                return;
            }
            _ => {}
        }
    }
}
