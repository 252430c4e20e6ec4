//! What of a node changes by time alone: how long certificates are valid, and how much room is left.

/// The measurements of one unit's node. What is not known is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measurements {
    /// Certificates below RKE2's data directory, by path.
    pub certificates: Vec<Certificate>,
    /// The file systems below RKE2's and the kubelet's directories.
    pub file_systems: Vec<Room>,
    /// The database of the node's own etcd.
    pub etcd: Option<EtcdDatabase>,
    /// Whether a unit that sets the clock is enabled.
    pub has_time_sync: Option<bool>,
}

/// A certificate of RKE2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its file.
    pub path: String,
    /// Its file below the data directory: `server/tls/client-admin.crt`.
    pub file: String,
    /// What it is.
    pub kind: CertificateKind,
    /// When its validity ends, in seconds since 1970. Of several authorities in a file, that of the last one.
    pub not_after: u64,
    /// Within how many days of that RKE2 renews it, when RKE2 starts. `None`: it does not renew it.
    pub renewal: Option<u64>,
}

/// What a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateKind {
    /// One of the cluster's certificate authorities.
    Authority,
    /// One that an authority of the cluster has signed.
    Leaf,
}

impl CertificateKind {
    /// Its name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authority => "ca",
            Self::Leaf => "leaf",
        }
    }
}

/// The room below a directory, in bytes and inodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Whose directory it is: `data-dir`, `kubelet`.
    pub directory: &'static str,
    /// The size of the file system.
    pub bytes: u64,
    /// What users other than root can still write.
    pub available: u64,
    /// The number of inodes; 0 where the file system has no fixed one.
    pub inodes: u64,
    /// Those that are free.
    pub free_inodes: u64,
}

/// The file of etcd's database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdDatabase {
    /// The file.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The size beyond which etcd takes no writes. `None`: there is none, or it is not known.
    pub quota: Option<u64>,
}
