# Each target is one line; what it does lives in hack/.

.DEFAULT_GOAL := help

.PHONY: help
help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the tool, with its page, and every function into bin/
	@hack/build

.PHONY: run
run: build ## Train the sample models if need be, and serve them on http://127.0.0.1:8080
	@bin/modelfn run

.PHONY: test
test: ## Run every test, with the race detector
	@hack/test

.PHONY: lint
lint: ## Check the format, and run vet and golangci-lint
	@hack/lint

.PHONY: fuzz
fuzz: ## Fuzz each parser for FUZZTIME (10s)
	@hack/fuzz

.PHONY: bench
bench: build ## Measure, and print each figure beside its baseline
	@hack/browser && go run ./hack/bench

.PHONY: bench-cluster
bench-cluster: build ## Measure on the cluster, which is made anew, and fail where a bar is not kept
	@hack/bench/on-cluster

.PHONY: images
images: build ## Put the functions into images, below out/images; with REGISTRY, push them
	@hack/images/run

.PHONY: cluster-up
cluster-up: ## Bring a real Knative up on this machine (as root, on Debian)
	@hack/cluster/up

.PHONY: cluster-down
cluster-down: ## End the cluster, and leave nothing of it
	@hack/cluster/down

.PHONY: cluster-status
cluster-status: ## Show each part of the cluster
	@hack/cluster/status

.PHONY: cluster-check
cluster-check: ## Check the cluster from up to down
	@hack/cluster/check

.PHONY: deploy
deploy: build ## Deploy the functions, and all that they need, to the cluster
	@hack/deploy

.PHONY: e2e
e2e: ## Prove on the cluster what the README says; brings it up and deploys if need be
	@hack/e2e/run

.PHONY: generate
generate: ## Write the generated documents again
	@go generate ./...

.PHONY: clean
clean: ## Remove what was built, trained and cached, and end the cluster
	@{ [ ! -e .cache/cluster/node ] || hack/cluster/down; } && rm -rf bin .modelfn .cache out
