// Names that other projects have for the modules: Hugging Face, DeepSeek's own inference code, the reference trainer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dsmlir {

/// The segments between the dots.
std::vector<std::string> splitPath(std::string_view path);
std::string joinPath(const std::vector<std::string> &segments);

/// Our path for another project's name: "model.layers.0.self_attn.q_a_layernorm.weight" is "blocks.0.attn.q_a_norm". What is ours
/// already, or unknown, stays. A misspelt segment is taken for the foreign name that it is one edit away from.
std::string ownPath(std::string_view path);

/// The name of a module of ours in Hugging Face transformers: "model.layers.0.self_attn.q_a_layernorm".
std::string huggingFacePath(std::string_view own);

} // namespace dsmlir
