#!/bin/bash
# Installs the release that this file is part of and starts the instance's processes:
# install.sh web|annotator|util. Needs no registry: the wheels are in the release. Called by boot.sh.
set -euo pipefail

release=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=boot.sh
. "$release/aws/stack/boot.sh"
: "${token:?a session token of the metadata service}" "${region:?the region}"
units=/etc/systemd/system

# The names in aws/processes.py of the processes of "$1", a kind of instance.
processes() {
    PYTHONPATH=$release PYTHONSAFEPATH=1 "$release/.venv/bin/python" -c '
import sys
from aws.processes import InstanceKind, of_kind
print(*(process.name for process in of_kind(InstanceKind(sys.argv[1]))))' "$1"
}

user_and_folders() {
    id gas >/dev/null 2>&1 ||
        useradd --system --user-group --home-dir /var/lib/gas --shell /usr/sbin/nologin gas
    install -d -o root -g root -m 755 /etc/gas /etc/gas/aws
    install -d -o gas -g gas -m 750 /var/log/gas /var/lib/gas /var/lib/gas/references
}

# ./gas compares this stamp and installs nothing itself where it is equal.
python_packages() {
    local venv=$release/.venv stamp pip packages=("$release"/*/__init__.py)
    stamp=$(cksum <"$release/requirements-local.txt")
    [ "$(cat "$venv/.installed-local" 2>/dev/null)" = "$stamp" ] && return
    pip=$(echo "$release"/wheels/pip-*.whl)
    python3 -m venv --clear --without-pip "$venv"
    "$venv/bin/python" "$pip/pip" --disable-pip-version-check --quiet --no-cache-dir install \
        --no-index --find-links "$release/wheels" --require-hashes -r "$release/requirements.txt"
    "$venv/bin/python" -m compileall -q "${packages[@]%/__init__.py}"
    printf '%s' "$stamp" >"$venv/.installed-local"
}

# Tags named gas:<section>.<key> become GAS_<SECTION>_<KEY>, which overrides config.ini. Between
# single quotes nothing means anything, neither to a shell nor to systemd.
settings() {
    local name key value
    echo "AWS_DEFAULT_REGION=$region"
    echo "GAS_AWS_REGION=$region"
    for name in AWS_ENDPOINT_URL AWS_EC2_METADATA_SERVICE_ENDPOINT; do
        [ -z "${!name:-}" ] || echo "$name=${!name}"
    done
    for name in $(metadata tags/instance/); do
        [[ $name =~ ^gas:[a-z]+\.[a-z_]+$ ]] || continue
        key=${name#gas:}
        key=GAS_${key/./_}
        value=$(tag "$name")
        [[ $value != *\'* ]] || { say "the tag $name may have no ' in it" >&2 && return 1; }
        echo "${key^^}='$value'"
    done
}

# Each daemon takes on the role of its name; the instance's own role can do little else.
role_of() {
    cat <<ROLE
[default]
region = $region
role_arn = $(tag gas:roles)$1
credential_source = Ec2InstanceMetadata
role_session_name = $(metadata instance-id)
metadata_service_timeout = 5
metadata_service_num_attempts = 5
ROLE
}

configuration() {
    local process
    settings >/etc/gas/environment.new
    mv /etc/gas/environment.new /etc/gas/environment
    for process in "$@"; do
        role_of "$process" >"/etc/gas/aws/$process"
    done
}

# Operators' genomes, from the references bucket to this annotator's disk.
references() {
    (
        set -a
        # shellcheck disable=SC1091
        . /etc/gas/environment
        export AWS_CONFIG_FILE=/etc/gas/aws/annotator PYTHONPATH=$release PYTHONSAFEPATH=1
        "$release/.venv/bin/python" -m aws.stack.references /var/lib/gas/references
    )
}

# The CloudWatch agent's package: the release's own, or AWS's latest once its signature holds.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/verify-CloudWatch-Agent-Package-Signature.html
agent_package() {
    local fingerprint=937616F3450B7D806CBD9725D58167303B789C72 folder file url
    ls "$release"/agent/amazon-cloudwatch-agent*.deb 2>/dev/null && return
    folder=$(mktemp -d)
    file=$folder/amazon-cloudwatch-agent.deb
    url=https://amazoncloudwatch-agent-$region.s3.$region.$(metadata services/domain)
    curl -sSf --retry 5 --max-time 300 \
        --output "$file" "$url/debian/$(dpkg --print-architecture)/latest/${file##*/}" \
        --output "$file.sig" "$url/debian/$(dpkg --print-architecture)/latest/${file##*/}.sig" \
        --output "$folder/key" "$url/assets/amazon-cloudwatch-agent.gpg" || return
    unarmoured <"$folder/key" >"$folder/keyring" || return
    signature "$file" "$fingerprint" "$folder/keyring" || return
    echo "$file"
}

# Sends logs and memory to CloudWatch. Without an agent the instance works all the same.
agent() {
    local ctl=/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
    local package prefix group settings
    if [ ! -x "$ctl" ]; then
        package=$(agent_package) || return
        packages "$package" || return
    fi
    prefix=$(tag gas:gas.prefix) group=$(tag aws:autoscaling:groupName)
    settings=$(<"$release/aws/stack/cloudwatch-agent.json")
    settings=${settings//PREFIX/"$prefix"}
    echo "${settings//GROUP/"$group"}" >/etc/gas/cloudwatch-agent.json
    "$ctl" -a fetch-config -m ec2 -s -c file:/etc/gas/cloudwatch-agent.json
}

# AWS's agent for `aws ssm start-session`, where the stack's SessionManager says yes. It comes with the
# release alone: AWS signs it by keys that expire, and has no lasting place for them.
session_manager() {
    [ "$(tag gas:session-manager)" = yes ] || return 0
    packages "$release/agent/amazon-ssm-agent.deb"
}

# A key that never leaves the instance, and a certificate that says nothing but the key: load balancers
# verify none (User Guide for Application Load Balancers, Target groups).
certificate() {
    [ -e "$1/certificate.pem" ] && return
    install -d -m 700 "$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=gas \
        -keyout "$1/key.pem" -out "$1/certificate.pem"
}

# The site's front: takes in requests from slow clients, so that they hold nothing up.
front() {
    hash nginx openssl 2>/dev/null || {
        apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5 update
        packages -o Acquire::Retries=5 nginx-light openssl
    }
    certificate /etc/nginx/tls
    install -m 644 "$release/aws/stack/nginx.conf" /etc/nginx/nginx.conf
    systemctl daemon-reload
    systemctl enable nginx.service
    systemctl restart nginx.service
}

start() {
    local process
    cp -r "$release"/aws/stack/units/. "$units/"
    install -m 644 "$release/aws/stack/logrotate" /etc/logrotate.d/gas
    systemctl daemon-reload
    for process in "$@"; do
        systemctl enable --now "gas@$process.service"
    done
}

main() {
    local names
    user_and_folders
    agent || say "no CloudWatch agent: logs stay on the instance"
    session_manager || say "no Session Manager: nobody gets a shell on the instance"
    python_packages
    names=$(processes "$1")
    # shellcheck disable=SC2086 # a list, to be split
    configuration $names
    [ "$1" != annotator ] || references
    # shellcheck disable=SC2086 # a list, to be split
    start $names
    [ "$1" != web ] || front
}

main "$1"
