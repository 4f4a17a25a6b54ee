"""PyTorch's side of the study benchmark (test/bench/study.ts starts it; python3 with torch).

Does the work of every stage of a study, one after the other on one thread: the same images, network, initial weights,
batch size, batch order, epochs and optimizer for original, golds and twin; forward passes, nearest neighbours and PGD
for the features; the predictor with its folds; for predictions and for each method the forward and backward passes that
our stage counted, on the images it read. What a method does beside passes (labels, scores) is arithmetic of no weight.
"""

import json
import math
import os
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as error:
    print(json.dumps({"reason": f"{sys.executable} has no torch: {error}"}))
    sys.exit(0)

import array

folder = sys.argv[1]
torch.set_num_threads(1)
torch.manual_seed(1)
with open(os.path.join(folder, "study.json"), encoding="utf-8") as file:
    study = json.load(file)
data = study["data"]


def read(name, kind):
    values = array.array(kind)
    path = os.path.join(folder, name)
    with open(path, "rb") as file:
        values.fromfile(file, os.path.getsize(path) // values.itemsize)
    return torch.tensor(values)


def load_images():
    with open(os.path.join(folder, "images.bin"), "rb") as file:
        raw = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
    return raw.reshape(-1, data["height"], data["width"], data["channels"]).permute(0, 3, 1, 2).contiguous()


images = load_images()
labels = read("labels.bin", "i").long()
mean = torch.tensor(data["mean"]).reshape(1, -1, 1, 1)
std = torch.tensor(data["std"]).reshape(1, -1, 1, 1)


def pixels(ids):
    return (images[ids].float() / 255 - mean) / std


class TinyCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(data["channels"], 16, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        side = math.ceil(math.ceil(data["height"] / 2) / 2) * math.ceil(math.ceil(data["width"] / 2) / 2)
        self.dense1 = nn.Linear(side * 32, 64)
        self.dense2 = nn.Linear(64, data["classCount"])

    def features(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        # Ours lie channels last: the dense layer's weights expect that order.
        return F.relu(self.dense1(x.permute(0, 2, 3, 1).flatten(1)))

    def forward(self, x):
        return self.dense2(self.features(x))


def start_weights(network, stage):
    """The initial weights that our stage drew: convolutions [h, w, in, out], dense layers [in, out]."""
    modules = [network.conv1, network.conv2, network.dense1, network.dense2]
    names = list(stage["weights"])
    for i, module in enumerate(modules):
        for name in names[2 * i : 2 * i + 2]:
            shape = stage["weights"][name]
            values = read(f"{stage['key']}.{name.replace('/', '_')}", "f").reshape(shape)
            if len(shape) == 4:
                module.weight.data = values.permute(3, 2, 0, 1).contiguous()
            elif len(shape) == 2:
                module.weight.data = values.t().contiguous()
            else:
                module.bias.data = values


def train(network, recipe, samples, orders):
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe["lr"], weight_decay=recipe["weightDecay"])
    if recipe["optimizer"] == "sgd":
        optimizer = torch.optim.SGD(network.parameters(), lr=recipe["lr"], momentum=recipe["momentum"])
    batch, count = recipe["batchSize"], len(samples)
    steps, step, correct = recipe["epochs"] * math.ceil(count / batch), 0, 0
    for epoch in range(recipe["epochs"]):
        correct = 0
        order = samples[orders[epoch * count : (epoch + 1) * count].long()]
        for start in range(0, count, batch):
            ids = order[start : start + batch]
            if recipe["schedule"] == "cosine":
                for group in optimizer.param_groups:
                    group["lr"] = recipe["lr"] * (1 + math.cos(math.pi * step / steps)) / 2
            optimizer.zero_grad()
            logits = network(pixels(ids))
            F.cross_entropy(logits, labels[ids]).backward()
            optimizer.step()
            correct += int((logits.argmax(1) == labels[ids]).sum())
            step += 1
    return correct / count


def forward(network, samples, batch=256):
    with torch.no_grad():
        return [network.features(pixels(samples[i : i + batch])) for i in range(0, len(samples), batch)]


def attack(network, samples, epsilon, steps, batch=256):
    for i in range(0, len(samples), batch):
        ids = samples[i : i + batch]
        clean = pixels(ids)
        moved = clean + torch.empty_like(clean).uniform_(-1, 1) * epsilon / std
        for _ in range(steps):
            moved.requires_grad_(True)
            (gradient,) = torch.autograd.grad(F.cross_entropy(network(moved), labels[ids]), moved)
            moved = moved.detach() + 2.5 * epsilon / steps / std * gradient.sign()
            moved = torch.minimum(torch.maximum(moved, clean - epsilon / std), clean + epsilon / std)
        with torch.no_grad():
            network(moved)


def fit_predictor(params, count):
    """As many small networks as folds, and one for all."""
    features = torch.rand(count, len(params["features"]))
    easy = (torch.rand(count) < 0.7).float()
    for fold in range(params["folds"] + 1):
        sizes = [features.shape[1], *params["hidden"]]
        layers = []
        for i in range(len(sizes) - 1):
            layers += [nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU()]
        model = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=params["lr"])
        keep = torch.arange(count) % max(1, params["folds"]) != fold
        for _ in range(params["epochs"]):
            order = torch.nonzero(keep).flatten()[torch.randperm(int(keep.sum()))]
            for start in range(0, len(order), params["batchSize"]):
                ids = order[start : start + params["batchSize"]]
                optimizer.zero_grad()
                F.binary_cross_entropy_with_logits(model(features[ids]).flatten(), easy[ids]).backward()
                optimizer.step()


def passes(network, samples, forward_visits, backward_visits, batch):
    """Steps on `backward_visits` images, then forward passes alone on what is left of `forward_visits`."""
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)
    order, at = samples[torch.randperm(len(samples))], 0

    def take(count):
        nonlocal order, at
        if at + count > len(order):
            order, at = samples[torch.randperm(len(samples))], 0
        at += count
        return order[at - count : at]

    left = backward_visits
    while left > 0:
        ids = take(min(batch, left, len(samples)))
        optimizer.zero_grad()
        F.cross_entropy(network(pixels(ids)), labels[ids]).backward()
        optimizer.step()
        left -= len(ids)
    left = forward_visits - backward_visits
    while left > 0:
        ids = take(min(256, left, len(samples)))
        with torch.no_grad():
            network(pixels(ids))
        left -= len(ids)


def ids_of(stage, *names):
    found = [torch.tensor(stage["ids"][name]) for name in names if name in stage["ids"]]
    return torch.cat(found) if found else torch.zeros(0, dtype=torch.long)


original = TinyCnn()
accuracy = None
times = []
twin_count = 0
for stage in study["stages"]:
    kind, params = stage["kind"], stage["params"]
    if kind.startswith("train-"):
        orders = read(f"{stage['key']}.orders", "i")
    started = time.perf_counter()
    if kind in ("train-original", "train-gold", "train-twin"):
        network = TinyCnn()
        if kind == "train-twin":
            network.load_state_dict(original.state_dict())
        else:
            start_weights(network, stage)
        reached = train(network, params["recipe"], ids_of(stage, "members", "retain", "twin"), orders)
        if kind == "train-original":
            original, accuracy = network, reached
        if kind == "train-twin":
            twin_count = len(stage["ids"]["twin"])
    elif kind == "features":
        samples = ids_of(stage, "samples")
        own = torch.cat(forward(original, samples))
        if "af" in params["features"]:
            attack(original, samples, params["epsilon"], params["steps"])
        if "df" in params["features"]:
            references = ids_of(stage, "references")
            wanted = torch.isin(labels[references], labels[samples].unique())
            others = torch.cat(forward(original, references[wanted]))
            torch.cdist(own, others).topk(min(params["neighbours"], len(others)), largest=False)
        if "cf" in params["features"]:
            forward(original, samples)
    elif kind == "fit-predictor":
        fit_predictor(params, max(twin_count, 2))
    elif kind == "unlearn":
        network = TinyCnn()
        network.load_state_dict(original.state_dict())
        batch = params["recipe"]["batchSize"]
        passes(network, ids_of(stage, "retain", "forget"), stage["forward"], stage["backward"], batch)
    elif kind == "predict":
        forward(original, ids_of(stage, "forget", "retain", "evaluation", "twin"))
    else:
        continue
    times.append({"key": stage["key"], "kind": kind, "seconds": time.perf_counter() - started})

print(json.dumps({"torch": torch.__version__, "stages": times, "accuracy": accuracy}))
