# shellcheck shell=bash
# The programs: Debian's packages, and what is built from Go modules. A family is
# a folder of build/ with a go.mod; its "tool" lines name the programs, its first
# requirement is the version. A family is built once for its content.

readonly programs=$state/programs
readonly build=$repo/hack/cluster/build
readonly registry=registry.local:5000
readonly families=(
  kubernetes etcd containerd coredns registry push forward
  images knative-serving knative-eventing traefik versitygw
)
# What a machine needs, as COMMAND:PACKAGE.
readonly needed=(
  curl:curl
  ip:iproute2
  nft:nftables
  openssl:openssl
  pgrep:procps
  runc:runc
  tini:tini
  /usr/lib/cni/ptp:containernetworking-plugins
)

readonly go_flags=(-mod=readonly -trimpath -buildvcs=false)

packages_install() {
  local entry missing=()
  for entry in "${needed[@]}"; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${entry%:*}" >/dev/null || missing+=("${entry#*:}")
  done
  ((${#missing[@]})) || return 0
  phase "installing Debian's packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update && apt-get install --yes --no-install-recommends "${missing[@]}"; } \
    &>"$log/packages.log" || fail "the packages could not be installed" "$log/packages.log"
}

# version FAMILY prints the version of the module that the family is built from.
version() {
  sed -n '/^require [^(]/{s/.* //p;q}' "$build/$1/go.mod"
}

# tools FAMILY prints the import path of each of its programs.
tools() {
  sed -n 's/^tool \([^(]*\)$/\1/p; /^tool ($/,/^)$/s/^\t//p' "$build/$1/go.mod"
}

# program FAMILY NAME prints the path of a built program.
program() {
  echo "$(readlink -f "$programs/$1")/$2"
}

# content PATH...: a short hash of the files below these paths, of the flags and
# of the version of Go: all that a product is made from.
content() {
  (
    go version
    echo "${go_flags[@]}"
    cd "$repo/hack/cluster" && find "$@" -type f -print | sort | xargs sha256sum
  ) | sha256sum | cut -c 1-12
}

# programs_build builds every family that is not there as it should be.
programs_build() {
  local family
  mkdir -p "$programs"
  for family in "${families[@]}"; do
    product "$family" "$(content "build/$family")" family_build
  done
}

# product NAME HASH COMMAND...: makes $programs/NAME-HASH by the command, which
# gets NAME and the folder to fill, unless it is there; $programs/NAME leads to
# it. The folder gets its name last, so one that is there is complete.
product() {
  local name=$1 target=$programs/$1-$2 old
  shift 2
  if [[ ! -d $target ]]; then
    rm -rf "$target.new"
    mkdir "$target.new"
    "$@" "$name" "$target.new"
    mv "$target.new" "$target"
  fi
  ln --symbolic --force --no-dereference "$(basename "$target")" "$programs/$name"
  for old in "$programs/$name"-????????????*; do
    [[ $old == "$target" ]] || rm -rf "$old"
  done
}

family_build() {
  local family=$1 target=$2 version began=$SECONDS
  version=$(version "$family")
  local flags="-s -w"
  if [[ $family == kubernetes ]]; then
    local package=k8s.io/component-base/version
    flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=36"
  fi
  phase "building $family${version:+ $version} (log: ${log#"$repo/"}/build-$family.log)"
  (
    cd "$build/$family"
    CGO_ENABLED=0 GOWORK=off exec go build -v "${go_flags[@]}" -ldflags "$flags" -o "$target/" tool
  ) &>"$log/build-$family.log" &
  while kill -0 $! 2>/dev/null; do
    sleep 0.2
    ((SECONDS < began + 20)) || {
      began=$SECONDS
      phase "  $(grep -cv '^go: ' "$log/build-$family.log") packages compiled so far"
    }
  done
  wait $! || fail "building $family failed" "$log/build-$family.log"
}

# manifests_build makes the manifests of Knative and of its ingress: Knative's
# own files, with the images of this cluster's registry, changed by config/knative.
manifests_build() {
  product manifests "$(content config/knative build/knative-{serving,eventing}/go.mod)" manifests_render
}

manifests_render() {
  local target=$2 serving eventing networking caching
  phase "rendering Knative's manifests"
  serving=$(module knative-serving knative.dev/serving)
  networking=$(module knative-serving knative.dev/networking)
  caching=$(module knative-serving knative.dev/caching)
  eventing=$(module knative-eventing knative.dev/eventing)
  cp "$repo"/hack/cluster/config/knative/* "$target"
  find "$serving/config/core" "$networking/config" "$caching/config" \
    "$eventing"/config/{core,channels/in-memory-channel,brokers/mt-channel-broker} \
    "$eventing/third_party/eventing-integrations-latest" -name '*.yaml' -print0 |
    sort --zero-terminated | xargs -0 sed -s -e '1i ---' >"$target/upstream.yaml"
  images_name "$target/upstream.yaml" "$target/traefik.yaml"
  "$(program kubernetes kubectl)" kustomize "$target" >"$target/all.yaml" 2>"$log/manifests.log" ||
    fail "the manifests could not be rendered" "$log/manifests.log"
  # Definitions must be there before what uses them.
  awk -v RS='---\n' -v ORS='---\n' '/\nkind: CustomResourceDefinition\n/' "$target/all.yaml" >"$target/definitions.yaml"
  awk -v RS='---\n' -v ORS='---\n' '!/\nkind: CustomResourceDefinition\n/' "$target/all.yaml" >"$target/objects.yaml"
}

# module FAMILY MODULE prints the folder with the module's files.
module() {
  (cd "$build/$1" && GOWORK=off go mod download -json "$2") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}

# images prints REFERENCE IMPORT-PATH PROGRAM of each image that the cluster has.
images() {
  local family tool name tag
  for family in images traefik versitygw knative-serving knative-eventing; do
    tag=$(version "$family")
    for tool in $(tools "$family"); do
      name=$(basename "$tool")
      [[ $family == knative-* ]] && name=$family/$name
      echo "$registry/$name:${tag:-latest} $tool $(program "$family" "$(basename "$tool")")"
    done
  done
}

# images_name FILE...: puts the names of the registry's images for "ko://" ones.
images_name() {
  local reference tool
  while read -r reference tool _; do
    sed -i "s|ko://$tool\$|$reference|" "$@"
  done < <(images)
}
