# shellcheck shell=bash
# The parts that run on the node, each by its own program: what a machine of a
# Kubernetes cluster runs, and the registry. Knative runs in pods on top.

# In the order of their start; with the family that each is built from.
readonly parts=(
  registry:registry
  containerd:containerd
  etcd:etcd
  apiserver:kubernetes
  controller-manager:kubernetes
  scheduler:kubernetes
  kubelet:kubernetes
  proxy:kubernetes
  coredns:coredns
)
readonly pki=/etc/kubernetes/pki
readonly server=https://$address:6443

# node_configure puts the node's configuration and certificates into place.
node_configure() {
  local source=$repo/hack/cluster/config/node file
  find "$source" -type f -printf '%P\n' | while read -r file; do
    cmp --quiet "$source/$file" "$node/root/$file" || install -D --mode 644 "$source/$file" "$node/root/$file"
  done
  mkdir -p "$node/root$pki"
  authority
  certificate apiserver "/CN=kube-apiserver" \
    "IP:$address,IP:10.96.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  certificate apiserver-kubelet "/O=system:masters/CN=apiserver-kubelet"
  certificate kubelet "/O=system:nodes/CN=system:node:modelfn" "IP:$address,DNS:modelfn"
  client admin "/O=system:masters/CN=admin"
  client controller-manager "/CN=system:kube-controller-manager"
  client scheduler "/CN=system:kube-scheduler"
  client kubelet "/O=system:nodes/CN=system:node:modelfn"
  client proxy "/CN=system:kube-proxy"
  client coredns "/CN=coredns"
}

# authority makes the authority for certificates and the key for the tokens of
# service accounts, both for the life of this node.
authority() {
  local folder=$node/root$pki
  [[ ! -e $folder/ca.crt ]] || return 0
  openssl_quietly genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/accounts.key"
  openssl_quietly pkey -in "$folder/accounts.key" -pubout -out "$folder/accounts.pub"
  openssl_quietly req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 \
    -subj "/CN=modelfn-cluster" -keyout "$folder/ca.key" -out "$folder/ca.crt.new"
  mv "$folder/ca.crt.new" "$folder/ca.crt"
}

# certificate NAME SUBJECT [ALTERNATIVE-NAMES] makes a key and a certificate for
# a client, or with names for a server too, unless they are there.
certificate() {
  local file=$node/root$pki/$1
  [[ ! -e $file.crt ]] || return 0
  openssl_quietly req -x509 -CA "$node/root$pki/ca.crt" -CAkey "$node/root$pki/ca.key" \
    -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 -subj "$2" \
    -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=clientAuth,serverAuth \
    ${3:+-addext "subjectAltName=$3"} -keyout "$file.key" -out "$file.crt.new"
  mv "$file.crt.new" "$file.crt"
}

openssl_quietly() {
  openssl "$@" &>"$log/openssl.log" || fail "openssl $1 failed" "$log/openssl.log"
}

# client NAME SUBJECT makes a certificate and a kubeconfig with it inside.
client() {
  local folder=$node/root$pki file=$node/root/etc/kubernetes/$1.conf
  certificate "$1" "$2"
  [[ ! -e $file ]] || return 0
  cat >"$file.new" <<EOF
apiVersion: v1
kind: Config
clusters:
  - name: modelfn
    cluster:
      server: $server
      certificate-authority-data: $(base64 -w0 "$folder/ca.crt")
users:
  - name: $1
    user:
      client-certificate-data: $(base64 -w0 "$folder/$1.crt")
      client-key-data: $(base64 -w0 "$folder/$1.key")
contexts:
  - name: modelfn
    context:
      cluster: modelfn
      user: $1
current-context: modelfn
EOF
  mv "$file.new" "$file"
}

kubectl() {
  enter "$(program kubernetes kubectl)" --kubeconfig /etc/kubernetes/admin.conf "$@"
}

part_registry() {
  part registry env OTEL_TRACES_EXPORTER=none \
    "$(program registry registry)" serve /etc/kubernetes/registry.yaml
}

part_containerd() {
  # It looks for its shim in the PATH.
  part containerd env "PATH=$(program containerd .):/usr/sbin:/usr/bin:/sbin:/bin" \
    "$(program containerd containerd)" --config /etc/containerd/config.toml --log-level warn
}

part_etcd() {
  # The cluster's state ends with the node: no need to wait for the disk.
  part etcd "$(program etcd server)" --name modelfn --data-dir /var/lib/etcd/data --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380
}

part_apiserver() {
  part apiserver "$(program kubernetes kube-apiserver)" \
    --etcd-servers http://127.0.0.1:2379 \
    --advertise-address "$address" --secure-port 6443 \
    --service-cluster-ip-range "$services" \
    --authorization-mode Node,RBAC \
    --enable-admission-plugins NodeRestriction \
    --client-ca-file "$pki/ca.crt" \
    --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
    --kubelet-certificate-authority "$pki/ca.crt" \
    --kubelet-client-certificate "$pki/apiserver-kubelet.crt" \
    --kubelet-client-key "$pki/apiserver-kubelet.key" \
    --kubelet-preferred-address-types InternalIP \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --service-account-key-file "$pki/accounts.pub" \
    --service-account-signing-key-file "$pki/accounts.key"
}

part_controller-manager() {
  part controller-manager "$(program kubernetes kube-controller-manager)" \
    --kubeconfig /etc/kubernetes/controller-manager.conf \
    --use-service-account-credentials --leader-elect=false \
    --cluster-cidr 10.244.0.0/24 --service-cluster-ip-range "$services" \
    --root-ca-file "$pki/ca.crt" \
    --cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key" \
    --service-account-private-key-file "$pki/accounts.key"
}

part_scheduler() {
  part scheduler "$(program kubernetes kube-scheduler)" \
    --kubeconfig /etc/kubernetes/scheduler.conf \
    --leader-elect=false
}

part_kubelet() {
  part kubelet "$(program kubernetes kubelet)" --config /etc/kubernetes/kubelet.yaml \
    --kubeconfig /etc/kubernetes/kubelet.conf --hostname-override modelfn --node-ip "$address"
}

part_proxy() {
  part proxy "$(program kubernetes kube-proxy)" --config /etc/kubernetes/proxy.yaml
}

part_coredns() {
  part coredns "$(program coredns coredns)" -conf /etc/kubernetes/Corefile
}

# healthy NAME: the part answers that it is.
healthy() {
  local ask="enter curl --fail --max-time 5"
  case $1 in
    registry) $ask "http://$address:5000/v2/" ;;
    containerd) enter timeout 5 "$(program containerd ctr)" version ;;
    etcd) $ask http://127.0.0.1:2379/health ;;
    apiserver) kubectl get --raw /readyz --request-timeout 5s ;;
    controller-manager) $ask --insecure https://127.0.0.1:10257/healthz ;;
    scheduler) $ask --insecure https://127.0.0.1:10259/healthz ;;
    kubelet) $ask http://127.0.0.1:10248/healthz ;;
    proxy) $ask http://127.0.0.1:10256/healthz ;;
    coredns) $ask "http://$address:8181/ready" ;;
  esac
}
