# shellcheck shell=bash
# Knative: its images in the node's registry, its manifests in the cluster.

# images_push puts what the pods need into the node's registry.
images_push() {
  local reference program arguments=()
  while read -r reference _ program; do
    arguments+=("$reference=$program")
  done < <(images)
  enter "$(program push push)" "${arguments[@]}" &>"$log/push.log" ||
    fail "the images could not be pushed" "$log/push.log"
  phase "pushed ${#arguments[@]} images"
}

# knative_apply applies the manifests, unless this node has these already.
knative_apply() {
  local manifests
  manifests=$(readlink -f "$programs/manifests")
  [[ $(cat "$node/applied" 2>/dev/null) != "$manifests" ]] || return 0
  apply "$manifests/definitions.yaml"
  kubectl wait --for=condition=Established --timeout=30s -f "$manifests/definitions.yaml" &>"$log/apply.log" ||
    fail "a resource definition was not taken" "$log/apply.log"
  apply "$manifests/objects.yaml"
  echo "$manifests" >"$node/applied"
}

apply() {
  kubectl apply --server-side --force-conflicts -f "$1" &>"$log/apply.log" ||
    fail "$(basename "$1") could not be applied" "$log/apply.log"
}

# knative_wait waits until every Deployment is available and the webhooks take a
# Service and a Broker.
knative_wait() {
  local deadline=$((SECONDS + 180)) missing before=
  until missing=$(deployments_missing) && [[ -z $missing ]]; do
    [[ $missing == "$before" ]] || phase "waiting for: $missing"
    before=$missing
    ((SECONDS < deadline)) || pods_explain "not available: $missing"
    sleep 0.5
  done
  wait_until 60 probe_apply || fail "Knative's webhooks do not answer" "$log/probe.log"
}

# deployments prints NAMESPACE NAME AVAILABLE IMAGE of each Deployment of Knative
# and its ingress; those of other namespaces are not the cluster's affair.
deployments() {
  kubectl get deployments --all-namespaces --no-headers --output custom-columns='S:.metadata.namespace,N:.metadata.name,A:.status.conditions[?(@.type=="Available")].status,I:.spec.template.spec.containers[0].image' |
    grep -E '^(knative-serving|knative-eventing|traefik) '
}

deployments_missing() {
  deployments | awk '$3 != "True" { printf "%s%s", sep, $2; sep = " " }'
}

probe_apply() {
  kubectl create --dry-run=server -f - &>"$log/probe.log" <<EOF
apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: cluster-probe
  namespace: default
spec:
  template:
    spec:
      containers:
        - image: $registry/hello
---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: cluster-probe
  namespace: default
EOF
}

# pods_explain MESSAGE: fails with the pods that do not run, and what is known
# about them.
pods_explain() {
  {
    kubectl get pods --all-namespaces --field-selector=status.phase!=Running
    kubectl get events --all-namespaces --field-selector=type=Warning --sort-by=.lastTimestamp
  } &>"$log/pods.log" || true
  fail "$1" "$log/pods.log"
}
