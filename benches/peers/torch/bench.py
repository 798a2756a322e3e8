"""Times a training step of PyTorch on the CPU: forward, loss, backward and update of one global batch.

SGD with momentum 0.9 (AdamW for gpt), PyTorch's fused kernels. --mode ddp runs --threads processes of
one thread each over gloo, each pinned to a core of its own, and splits the global batch among them.
"""
import os
import pathlib
import socket
import sys
import time

import torch
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import models  # noqa: E402
import timing  # noqa: E402


def arguments():
    parser = timing.parser(__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mode", choices=["eager", "compile", "ddp"], default="eager")
    parser.add_argument("--bf16", action="store_true", help="forward and loss under autocast to bfloat16")
    parser.add_argument("--channels-last", action="store_true", help="images as (N, H, W, C) in memory")
    args = parser.parse_args()
    if args.mode == "ddp" and (args.threads < 2 or args.batch % args.threads):
        parser.error("--mode ddp needs --threads of at least 2 that divide --batch")
    return args


class Training:
    """A model, its optimiser and its batches; `step(i)` trains on one of them."""

    def __init__(self, args, processes=1):
        torch.manual_seed(1)
        self.model, batch = models.build(args.workload)
        self.num_params = sum(parameter.numel() for parameter in self.model.parameters())
        self.batches = [batch(args.batch // processes) for _ in range(args.batches)]
        if args.channels_last:
            layout = torch.channels_last
            self.model = self.model.to(memory_format=layout)
            self.batches = [(x.contiguous(memory_format=layout), y) for x, y in self.batches]
        parameters = self.model.parameters()
        if args.workload == "gpt":
            self.optimizer = torch.optim.AdamW(
                parameters, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=True)
        else:
            self.optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9, fused=True)
        if processes > 1:
            self.model = torch.nn.parallel.DistributedDataParallel(
                self.model, gradient_as_bucket_view=True, static_graph=True)
        self.bf16 = args.bf16
        self.loss = torch.compile(self.batch_loss, dynamic=False) if args.mode == "compile" else self.batch_loss

    def batch_loss(self, x, y):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            logits = self.model(x)
        return F.cross_entropy(logits.float().flatten(0, -2), y.flatten())

    def step(self, i):
        x, y = self.batches[i % len(self.batches)]
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(x, y)
        loss.backward()
        self.optimizer.step()
        return loss


def measure(args, training, agree=bool):
    """Warms up, then times step after step."""
    first = [float(training.step(i).detach()) for i in range(args.warmup)][0]
    done, loss = args.warmup, None

    def timed():
        nonlocal done, loss
        started = time.perf_counter()
        loss = training.step(done)
        done += 1
        return (time.perf_counter() - started) * 1e3

    found, lost = timing.timings(args, timed, agree)
    return found, {"loss_first": round(first, 4), "loss_last": round(float(loss.detach()), 4), **lost}


def report(args, training, found, facts, threads):
    variant = "+".join(name for name in ("bf16", "channels_last") if getattr(args, name))
    timing.report(args, found, framework="torch", version=torch.__version__, mode=args.mode, variant=variant,
                  threads=threads, params=training.num_params, **facts)


def process(rank, args, port):
    """One of the processes of --mode ddp."""
    from torch import distributed
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[rank]})
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo")
    distributed.init_process_group("gloo", rank=rank, world_size=args.threads)
    training = Training(args, args.threads)

    def agree(goes_on):
        # The first process decides for all.
        decision = torch.tensor([int(goes_on)])
        distributed.broadcast(decision, 0)
        return bool(decision.item())

    found, facts = measure(args, training, agree)
    if rank == 0:
        report(args, training, found, facts, f"{args.threads}x1")
    distributed.barrier()
    distributed.destroy_process_group()


def main():
    args = arguments()
    if args.mode == "ddp":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        torch.multiprocessing.spawn(process, args=(args, port), nprocs=args.threads)
        return
    torch.set_num_threads(args.threads)
    torch.set_num_interop_threads(1)
    training = Training(args)
    found, facts = measure(args, training)
    report(args, training, found, facts, args.threads)


if __name__ == "__main__":
    main()
