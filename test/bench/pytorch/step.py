"""PyTorch's side of the engine benchmark (test/bench/engines.ts starts it; python3 with torch).

The same networks, weights, batches, batch order and updates as the other contenders, which test/bench/engines.ts writes
into the folder given as argument. Reads requests as lines of JSON from stdin, answers each with a line.

A strided convolution of 3x3 pads its image by one pixel on each side here and by one below and to the right there: the
same work, shifted, so that only the networks without strides give the same losses.
"""

import json
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as error:
    print(json.dumps({"ready": False, "reason": f"{sys.executable} has no torch: {error}"}), flush=True)
    sys.exit(0)

import array
import os

folder, layout = sys.argv[1:3]
threads = int(sys.argv[3]) if len(sys.argv) > 3 else 1
torch.set_num_threads(threads)
torch.manual_seed(1)
memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
with open(os.path.join(folder, "plans.json"), encoding="utf-8") as file:
    plans = json.load(file)


def read(name, kind):
    values = array.array(kind)
    path = os.path.join(folder, name)
    with open(path, "rb") as file:
        values.fromfile(file, os.path.getsize(path) // values.itemsize)
    return torch.tensor(values, dtype=torch.float32 if kind == "f" else torch.int64)


class Plain(nn.Module):
    def __init__(self, plan):
        super().__init__()
        sizes = [plan["input"][2], *plan["filters"]]
        self.convs = nn.ModuleList(nn.Conv2d(sizes[i], sizes[i + 1], 3, padding=1) for i in range(3))
        height, width, _ = plan["input"]
        self.dense0 = nn.Linear(height // 4 * (width // 4) * sizes[3], 64)
        self.dense1 = nn.Linear(64, plan["classCount"])

    def forward(self, x):
        for i, conv in enumerate(self.convs):
            x = F.relu(conv(x))
            if i < 2:
                x = F.max_pool2d(x, 2)
        return self.dense1(F.relu(self.dense0(torch.flatten(x, 1))))

    def take(self, values, plan):
        for i, conv in enumerate(self.convs):
            conv.weight.data = values[f"conv{i}/kernel"].permute(3, 2, 0, 1).contiguous()
            conv.bias.data = values[f"conv{i}/bias"]
        # Rows are by [height, width, channel] there and by [channel, height, width] here.
        height, width, channels = plan["input"][0] // 4, plan["input"][1] // 4, plan["filters"][2]
        kernel = values["dense0/kernel"].reshape(height, width, channels, -1).permute(2, 0, 1, 3)
        self.dense0.weight.data = kernel.reshape(channels * height * width, -1).t().contiguous()
        self.dense0.bias.data = values["dense0/bias"]
        self.dense1.weight.data = values["dense1/kernel"].t().contiguous()
        self.dense1.bias.data = values["dense1/bias"]


class Normalised(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, epsilon):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=epsilon)

    def forward(self, x):
        return self.norm(self.conv(x))

    def take(self, values, name):
        self.conv.weight.data = values[f"{name}/kernel"].permute(3, 2, 0, 1).contiguous()
        self.norm.weight.data = values[f"{name}/gamma"]
        self.norm.bias.data = values[f"{name}/beta"]


class Residual(nn.Module):
    def __init__(self, plan):
        super().__init__()
        filters, epsilon = plan["filters"], plan["epsilon"]
        self.parts = nn.ModuleDict({"stem": Normalised(plan["input"][2], filters[0], 3, 1, epsilon)})
        channels = filters[0]
        for i, count in enumerate(filters):
            stride = 1 if i == 0 else 2
            self.parts[f"block{i}a"] = Normalised(channels, count, 3, stride, epsilon)
            self.parts[f"block{i}b"] = Normalised(count, count, 3, 1, epsilon)
            if i > 0:
                self.parts[f"block{i}s"] = Normalised(channels, count, 1, stride, epsilon)
            channels = count
        self.dense0 = nn.Linear(channels, plan["classCount"])

    def forward(self, x):
        parts = self.parts
        x = F.relu(parts["stem"](x))
        for i in range(3):
            inner = parts[f"block{i}b"](F.relu(parts[f"block{i}a"](x)))
            x = F.relu(inner + (x if i == 0 else parts[f"block{i}s"](x)))
        return self.dense0(x.mean((2, 3)))

    def take(self, values, _plan):
        for name, part in self.parts.items():
            part.take(values, name)
        self.dense0.weight.data = values["dense0/kernel"].t().contiguous()
        self.dense0.bias.data = values["dense0/bias"]


class Held:
    def __init__(self, plan):
        flat = read(f"{plan['name']}.weights", "f")
        values, start = {}, 0
        for parameter in plan["parameters"]:
            size = 1
            for length in parameter["shape"]:
                size *= length
            values[parameter["name"]] = flat[start : start + size].reshape(parameter["shape"]).clone()
            start += size
        self.model = Plain(plan) if plan["kind"] == "plain" else Residual(plan)
        self.model.take(values, plan)
        self.model = self.model.to(memory_format=memory_format)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=plan["learningRate"], momentum=plan["momentum"])
        pixels = read(f"{plan['name']}.pixels", "f").reshape(-1, plan["batchSize"], *plan["input"])
        self.images = [batch.permute(0, 3, 1, 2).contiguous(memory_format=memory_format) for batch in pixels]
        self.labels = list(read(f"{plan['name']}.labels", "i").reshape(-1, plan["batchSize"]))
        self.next = 0

    def take(self):
        i = self.next % len(self.images)
        self.next += 1
        return self.images[i], self.labels[i]

    def step(self):
        self.model.train()
        images, labels = self.take()
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.model(images), labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def forward(self):
        self.model.eval()
        with torch.inference_mode():
            return self.model(self.take()[0]).flatten()[0].item()


held = {}
print(
    json.dumps({"ready": True, "description": f"PyTorch {torch.__version__}, {layout}, threads: {threads}"}), flush=True
)
for line in sys.stdin:
    request = json.loads(line)
    name = request["network"]
    if name not in held:
        held[name] = Held(next(plan for plan in plans if plan["name"] == name))
    run = held[name].step if request["mode"] == "step" else held[name].forward
    times, processor, results = [], [], []
    for _ in range(request["count"]):
        before, begin = time.process_time(), time.perf_counter()
        results.append(run())
        times.append(1000 * (time.perf_counter() - begin))
        processor.append(1000 * (time.process_time() - before))
    print(json.dumps({"times": times, "processor": processor, "results": results}), flush=True)
