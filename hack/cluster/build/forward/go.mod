module github.com/modelfn/modelfn/hack/cluster/build/forward

go 1.26.0

tool github.com/modelfn/modelfn/hack/cluster/build/forward
