#!/usr/bin/env bash
# What runs on GPUs, on Mesa's software Vulkan (Debian), and the types of what runs on CUDA.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! ls /usr/share/vulkan/icd.d/lvp_icd*.json >/dev/null 2>&1; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mesa-vulkan-drivers >/dev/null
fi
cargo test --release --features wgpu --test it device
DOCS_RS=1 cargo check --release --features cuda # Types alone: linking needs what CUDA's crates fetch.
