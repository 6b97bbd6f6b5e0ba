module github.com/modelfn/modelfn/hack/cluster/build/images

go 1.26.0

tool (
	github.com/modelfn/modelfn/hack/cluster/build/images/hello
	github.com/modelfn/modelfn/hack/cluster/build/images/pause
)
