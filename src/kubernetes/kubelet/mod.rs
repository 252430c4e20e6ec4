//! What ends the kubelet, in the order in which it checks (`cmd/kubelet/app/server.go`).
