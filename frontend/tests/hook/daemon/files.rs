//! Receiving a client's files: the daemon's side of `FileSync.DiffCopy`.

use std::collections::{BTreeMap, BTreeSet};

use policy_check::buildkit::proto::filesync::v1::file_sync_client::FileSyncClient;
use policy_check::buildkit::proto::fsutil::packet::PacketType;
use policy_check::buildkit::proto::fsutil::{Packet, Stat};
use policy_check::buildkit::proto::pb;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::metadata::{MetadataMap, MetadataValue};

use super::failure::Failure;
use super::script::Files;
use super::sessions::Caller;

/// What Go's `os.FileMode` sets for anything that is not a regular file.
const NOT_REGULAR: u32 = 0x8f28_0000;

/// All regular files that `source` (`local://<dir>`) selects.
pub(crate) async fn fetch(caller: &Caller, source: &pb::SourceOp) -> Result<Files, Failure> {
    if !caller.methods.contains(&"/moby.filesync.v1.filesync/diffcopy".to_owned()) {
        return Err(Failure::coded(tonic::Code::Unimplemented, "no local sources enabled"));
    }
    let (sender, receiver) = mpsc::channel(16);
    let mut request = Request::new(ReceiverStream::new(receiver));
    let dir = source.identifier.strip_prefix("local://").unwrap_or_default();
    let metadata = request.metadata_mut();
    append(metadata, "dir-name", &[dir.to_owned()]);
    for (key, attr) in [
        ("include-patterns", "local.includepattern"),
        ("exclude-patterns", "local.excludepatterns"),
        ("followpaths", "local.followpaths"),
    ] {
        let values = source.attrs.get(attr).map_or_else(|| Ok(Vec::new()), |json| serde_json::from_str(json));
        let values: Vec<String> = values.map_err(|error| Failure::new(format!("invalid {attr}: {error}")))?;
        append(metadata, key, &values);
    }
    let mut client = FileSyncClient::new(caller.channel.clone());
    let answer = client.diff_copy(request).await.map_err(|status| Failure::remote(&status))?;
    let mut packets = answer.into_inner();
    let mut received = Received::default();
    while let Some(packet) = packets.message().await.map_err(|status| Failure::remote(&status))? {
        for packet in received.packet(packet)? {
            if sender.send(packet).await.is_err() {
                break;
            }
        }
    }
    let mut files: Files = received.files.into_values().collect();
    for (path, target) in received.links {
        if let Some(data) = files.get(&target).cloned() {
            files.insert(path, data);
        }
    }
    Ok(files)
}

#[derive(Default)]
struct Received {
    stats: u32,
    listed: bool,
    finished: bool,
    files: BTreeMap<u32, (String, Vec<u8>)>,
    open: BTreeSet<u32>,
    /// Symbolic links and their targets, which are followed within the folder.
    links: Vec<(String, String)>,
}

impl Received {
    /// Takes one packet; gives what is to be sent.
    fn packet(&mut self, packet: Packet) -> Result<Vec<Packet>, Failure> {
        let mut replies = Vec::new();
        match packet.r#type() {
            PacketType::PacketStat => match packet.stat {
                Some(stat) => replies.extend(self.stat(stat)?),
                None => self.listed = true,
            },
            PacketType::PacketData if packet.data.is_empty() => {
                self.open.remove(&packet.id);
            }
            PacketType::PacketData => {
                let file = self.files.get_mut(&packet.id);
                file.ok_or_else(|| Failure::new("data of a file nobody asked for"))?.1.extend(packet.data);
            }
            PacketType::PacketErr => {
                let text = String::from_utf8_lossy(&packet.data);
                return Err(Failure::new(format!("error from sender: {text}")));
            }
            PacketType::PacketFin | PacketType::PacketReq => {}
        }
        if self.listed && self.open.is_empty() && !self.finished {
            self.finished = true;
            replies.push(Packet { r#type: PacketType::PacketFin.into(), ..Default::default() });
        }
        Ok(replies)
    }

    fn stat(&mut self, stat: Stat) -> Result<Option<Packet>, Failure> {
        let id = self.stats;
        self.stats += 1;
        if stat.path.starts_with('/') || stat.path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(Failure::new(format!("invalid path {:?}", stat.path)));
        }
        if stat.mode & NOT_REGULAR != 0 {
            if !stat.linkname.is_empty() {
                self.links.push((stat.path, stat.linkname));
            }
            return Ok(None);
        }
        self.files.insert(id, (stat.path, Vec::new()));
        self.open.insert(id);
        Ok(Some(Packet { r#type: PacketType::PacketReq.into(), id, ..Default::default() }))
    }
}

/// Values that are not ASCII are escaped, and the key says so.
fn append(metadata: &mut MetadataMap, key: &'static str, values: &[String]) {
    let escape = !values.iter().all(|value| value.is_ascii());
    for value in values {
        let value = if escape {
            percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
        } else {
            value.clone()
        };
        metadata.append(key, MetadataValue::try_from(value).expect("a test's patterns are header values"));
    }
    if escape {
        let encoded: tonic::metadata::MetadataKey<tonic::metadata::Ascii> =
            format!("{key}-encoded").parse().expect("a valid key");
        metadata.insert(encoded, MetadataValue::from_static("1"));
    }
}
