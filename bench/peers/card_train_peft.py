"""Peer on a card: LoRA training by transformers and peft. r 8 and alpha 16 on q_proj and v_proj, AdamW, bf16 weights, f32 adapters.

One pass over --rows in batches of --sequences, at the largest micro-batch that fits; gradient checkpointing only where even one sequence does not fit.
"""
import peft
import torch
from card_model import arguments_of, load, peak_megabytes, seconds_of
from measurement import read_rows, report


def main():
    arguments = arguments_of(__doc__)
    model, name = load(arguments)
    settings = peft.LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    model = peft.get_peft_model(model, settings, autocast_adapter_dtype=True).train()
    model.config.use_cache = False
    rows = read_rows(arguments.rows)
    batches = [rows[start : start + arguments.sequences] for start in range(0, len(rows), arguments.sequences)]
    run = Training(model, arguments.device)
    micro = largest_that_fits(run, batches[0])
    seconds = seconds_of(arguments.device, lambda: [run.step(batch, micro) for batch in batches])
    tokens = sum(len(row["tokens"]) for row in rows)
    checkpointing = ", checkpointing" if run.checkpointing else ""
    system = f"peft {peft.__version__}, {name} (micro-batch {micro}{checkpointing})"
    metric = f"{arguments.shape}, training {arguments.sequences} x {arguments.tokens}"
    report(system, metric, "tokens/s", round(tokens / seconds, 2), tokens=tokens, seconds=round(seconds, 3))
    memory = peak_megabytes(arguments.device)
    if memory is not None:
        report(system, f"{metric}, device memory", "MB", round(memory, 1))


class Training:
    def __init__(self, model, device):
        self.model, self.device, self.checkpointing = model, device, False
        self.trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=1e-4, weight_decay=0.0)

    def step(self, batch, micro):
        labelled = sum(label != -100 for row in batch for label in row["labels"][1:])
        for start in range(0, len(batch), micro):
            part = batch[start : start + micro]
            inputs = {"input_ids": [row["tokens"] for row in part], "labels": [row["labels"] for row in part]}
            tensors = {key: torch.tensor(value, device=self.device) for key, value in inputs.items()}
            with torch.autocast(self.device, dtype=torch.bfloat16):
                self.model(**tensors, num_items_in_batch=labelled).loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def checkpoint(self):
        self.checkpointing = True
        self.model.enable_input_require_grads()
        self.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def largest_that_fits(run, batch):
    """Halves until a step runs; the step that does is the warm-up."""
    micro = len(batch)
    while True:
        try:
            run.step(batch, micro)
            return micro
        except torch.cuda.OutOfMemoryError:
            run.optimizer.zero_grad()
            torch.cuda.empty_cache()
            if micro > 1:
                micro //= 2
            elif run.checkpointing:
                raise
            else:
                run.checkpoint()


main()
