// The kernels of this instruction set, one declaration for each entry of cpu::Kernels.
#pragma once
#include "kernels/cpu/kernels.h"

namespace sdft::SDFT_ISA {

void zero(const cpu::Context&, Tensor out);
void copy(const cpu::Context&, Tensor out, Tensor x);
void add(const cpu::Context&, Tensor out, Tensor x, Tensor y);
void scale(const cpu::Context&, Tensor out, float factor);
void gather_rows(const cpu::Context&, Tensor out, Tensor x, Indices rows);
void scatter_rows(const cpu::Context&, Tensor out, Tensor x, Indices rows);
void rms_norm(const cpu::Context&, Tensor out, Tensor x, Tensor weight, double epsilon);
void add_rms_norm(const cpu::Context&, Tensor out, Tensor sum, Tensor x, Tensor y, Tensor weight, double epsilon);
void rms_norm_backward(const cpu::Context&, Tensor dx, Tensor dout, Tensor x, Tensor weight, double epsilon, Write write);
void rope(const cpu::Context&, Tensor x, Tensor cosines, Tensor sines, int64_t head_size, Rotation rotation);
void gated(const cpu::Context&, Tensor out, Tensor gate, Tensor up, Activation activation);
void gated_backward(const cpu::Context&, Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation);
void layer_norm(const cpu::Context&, Tensor out, Tensor x, Tensor weight, Tensor bias, double epsilon);
void gelu(const cpu::Context&, Tensor out, Tensor x);
void dropout(const cpu::Context&, Tensor out, Tensor x, const DropoutKey& key, Write write);
double sum_of_squares(const cpu::Context&, Tensor x);
void adamw(const cpu::Context&, Tensor parameter, Tensor gradient, Tensor first_moment, Tensor second_moment, const AdamWStep& step);
void linear(const cpu::Context&, const cpu::LinearParts& parts, Tensor x);
void linear_integer(const cpu::Context&, const cpu::LinearParts& parts, Tensor x);
void logit_loss(const cpu::Context&, Tensor loss, Tensor logits, Indices targets);
void linear_backward(const cpu::Context&, Tensor dx, Tensor dout, const cpu::PackedWeight& weight, Write write);
void gated_linear(const cpu::Context&, Tensor out, Tensor gate, Tensor up, Activation activation, const cpu::PackedWeight& weight, Tensor bias);
void gated_linear_backward(const cpu::Context&, Tensor dx, Tensor dproduct, Tensor gate, Tensor up, Activation activation, const cpu::PackedWeight& gate_weight,
                           const cpu::PackedWeight& up_weight);
void lora_forward(const cpu::Context&, Tensor out, Tensor t, Tensor x, Tensor a, Tensor b, double scale);
void lora_backward(const cpu::Context&, Tensor dx, Tensor da, Tensor db, Tensor dt, Tensor dout, Tensor x, Tensor t, Tensor a, Tensor b,
                   double scale, Write write);
void linear_cross_entropy(const cpu::Context&, Tensor loss, Tensor dx, Tensor x, const cpu::PackedWeight& head, Indices targets, double scale);
void linear_divergence(const cpu::Context&, Tensor kl, Tensor from, Tensor to, const cpu::PackedWeight& head);
void logit_divergence(const cpu::Context&, Tensor kl, Tensor from, Tensor to);
void store_runs(const cpu::Context&, const cpu::PageRuns& runs, const cpu::PageMemory& memory, Tensor k, Tensor v, const AttentionShape& shape);
void attend(const cpu::Context&, Tensor out, Tensor logsumexp, Tensor q, const cpu::AttentionTasks& tasks, const cpu::PageMemory& memory,
            const AttentionShape& shape);
void store_half_runs(const cpu::Context&, const cpu::PageRuns& runs, const cpu::HalfPageMemory& memory, Tensor k, Tensor v, const AttentionShape& shape);
void attend_halves(const cpu::Context&, Tensor out, Tensor q, const cpu::AttentionTasks& tasks, const cpu::HalfPageMemory& memory, const AttentionShape& shape);
void attend_backward(const cpu::Context&, Tensor dq, Tensor dk, Tensor dv, Tensor dout, Tensor out, Tensor logsumexp, Tensor q,
                     const cpu::BackwardTasks& tasks, const cpu::PageMemory& memory, const AttentionShape& shape);

}  // namespace sdft::SDFT_ISA
