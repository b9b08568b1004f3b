#!/usr/bin/env bash
# run.sh [FEATURES]: what runs on GPUs, on Mesa's software Vulkan (Debian), and lints of it as it is for CUDA.
# FEATURES, wgpu unless given, are what the program and its tests are built with.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! ls /usr/share/vulkan/icd.d/lvp_icd*.json >/dev/null 2>&1; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mesa-vulkan-drivers >/dev/null
fi
XDG_RUNTIME_DIR=$(mktemp -d) # Without one Mesa complains whenever it is asked for devices.
export XDG_RUNTIME_DIR
trap 'rmdir "$XDG_RUNTIME_DIR"' EXIT
features=${1:-wgpu}
cargo test --profile device --features "$features" --test it device
# Types alone: linking needs what CUDA's crates fetch.
DOCS_RS=1 cargo clippy --profile device --all-targets --features "cuda,$features" -- -D warnings
