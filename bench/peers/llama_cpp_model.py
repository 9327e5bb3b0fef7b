"""llama.cpp through its C interface: a model, a context for several sequences, and one step of tokens."""
import os
from importlib.metadata import version

import llama_cpp as api
import numpy

STEP_TOKENS = 2048

_silent = api.llama_log_callback(lambda level, text, data: None)  # kept: llama.cpp holds the pointer


class Model:
    def __init__(self, path, sequences, positions, threads, unified):
        """`positions`: cached tokens of all sequences together; `unified`: one cache that sequences can share pieces of."""
        api.llama_log_set(_silent, None)
        api.llama_backend_init()
        self.model = api.llama_model_load_from_file(path.encode(), api.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"llama.cpp could not load {path}")
        parameters = api.llama_context_default_params()
        parameters.n_ctx = positions
        parameters.n_batch = STEP_TOKENS
        parameters.n_ubatch = 512
        parameters.n_seq_max = sequences
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.kv_unified = unified
        self.context = api.llama_init_from_model(self.model, parameters)
        self.memory = api.llama_get_memory(self.context)
        self.vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(self.model))

    def step(self, entries):
        """entries: (token, position, sequence, wanted). Returns {sequence: likeliest next token} of those wanted."""
        wanted = [sequence for _, _, sequence, wanted in entries if wanted]
        return dict(zip(wanted, self.step_rows(entries)))

    def step_rows(self, entries):
        """The likeliest next token of each wanted entry, in their order."""
        best = []
        for start in range(0, len(entries), STEP_TOKENS):
            part = entries[start : start + STEP_TOKENS]
            batch = api.llama_batch_init(len(part), 0, 1)
            batch.n_tokens = len(part)
            for i, (token, position, sequence, wanted) in enumerate(part):
                batch.token[i], batch.pos[i] = token, position
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequence
                batch.logits[i] = wanted
            status = api.llama_decode(self.context, batch)
            if status != 0:
                raise SystemExit(f"llama_decode returned {status}")
            for i, (_, _, _, wanted) in enumerate(part):
                if wanted:
                    logits = numpy.ctypeslib.as_array(api.llama_get_logits_ith(self.context, i), shape=(self.vocabulary,))
                    best.append(int(logits.argmax()))
            api.llama_batch_free(batch)
        return best

    def share(self, sequences, length):
        """Sequences 1… take the first `length` positions of sequence 0."""
        for sequence in range(1, sequences):
            api.llama_memory_seq_cp(self.memory, 0, sequence, 0, length)

    def keep(self, sequence, length):
        """Forgets a sequence from position `length` on."""
        api.llama_memory_seq_rm(self.memory, sequence, length, -1)


def name(path):
    """`llama.cpp (llama-cpp-python VERSION) FORMAT`, and BLAS where the build uses one."""
    system = api.llama_print_system_info().decode()
    blas = ", BLAS" if "BLAS = 1" in system else ""
    form = os.path.basename(path).removesuffix(".gguf").rsplit(".", 1)[-1]
    return f"llama.cpp (llama-cpp-python {version('llama-cpp-python')}{blas}) {form}"
