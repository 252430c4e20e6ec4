//go:build !kubernetes1.28

package main

func init() {
	logless["kube-proxy"] = true
}
