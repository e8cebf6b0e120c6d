"""What the options of RecBole's models take beyond what the types of their defaults say."""

from __future__ import annotations

from typing import Any, NamedTuple

from recbole.data import get_dataloader
from recbole.data.dataloader import UserDataLoader
from recbole.utils import InputType, ModelType

from recbole_ile.errors import InputError
from recbole_ile.plugin.catalogue.rule import (
    HEAVY,
    Rule,
    check,
    existing_file,
    list_of,
    number,
    of_kind,
    one_of,
    or_none,
    shown,
    text,
    truth,
    whole,
)

COUNTS = (
    *("embedding_size", "attention_size", "hidden_size", "inner_size", "kg_embedding_size", "low_rank", "expert_num"),
    *("user_embedding_size", "item_embedding_size", "mf_embedding_size", "mlp_embedding_size", "ui_embedding_size"),
    *("neigh_embedding_size", "latent_dimension", "hidden_dimension", "weight_size", "prototype_size"),
    *("interest_size", "n_heads", "num_heads", "n_factors", "gcn_output_dim", "num_basis_functions", "class_num"),
    *("k", "k_interests", "neighbor_sample_size", "kfac", "rank", "history_num_per_term", "steps", "n_cate"),
    *("save_step", "pretrain_epochs", "metrics_k", "num_conv_kernel", "conv_kernel_size", "pool_kernel_size"),
    *("neigh_num", "kernel_size", "block_num", "history_len", "n_memory", "short_item_length", "high_order"),
    *("order_len", "n_hop", "num_clusters", "m_step", "num_layers", "nv", "nh", "cross_layer_num"),
    *("kge_interval", "topk_factor", "n_enc_epochs"),
)
"""Options that take a whole number of at least 1."""
FROM_ZERO = (
    *("n_layers", "n_iterations", "t_depth", "depth", "split_to", "low_layers_num", "high_layers_num"),
    *("train_rec_step", "train_kg_step", "warm_up_step", "hyper_layers", "n_dec_epochs", "sampling_steps"),
    *("step", "n_iter", "context_hops", "n_hops", "lightgcn_layer", "item_agg_layer"),
    *("token_num_threhold", "lgb_num_boost_round", "xgb_num_boost_round"),
)
"""Options that take a whole number of at least 0."""
FROM_ZERO_ON = (
    *("layer_norm_eps", "initializer_range", "noise_min", "total_anneal_steps", "anneal_steps", "vae_anneal_steps"),
)
"""Options that take any number of at least 0."""
DROPPED = (
    *("dropout_prob", "hidden_dropout_prob", "attn_dropout_prob", "sess_dropout", "item_dropout", "dropout"),
    *("mess_dropout", "node_dropout", "message_dropout", "node_dropout_rate", "mess_dropout_rate", "drop_ex"),
    *("drop_im", "drop_ratio"),
)
"""Shares of something that is left out in training; of all of it, nothing is left to learn from."""
ABOVE_ZERO = ("tau", "ssl_tau", "ssl_temp", "temperature", "tau_ratio", "noise_scale", "noise_max")
"""Numbers by which something is divided, or that noise is multiplied by."""
SHARES = ("corruption_ratio", "mask_ratio", "ft_ratio", "l1_ratio")
SIZES = (
    *("mlp_hidden_size", "user_hidden_size_list", "item_hidden_size_list", "encoder_hidden_size", "critic_layers"),
    *("cnn_channels", "cnn_kernels", "cnn_strides", "dims_dnn", "layers", "hidden_size_list", "cin_layer_size"),
    *("t_cin", "order_list", "dilations"),
)
"""Lists of whole numbers of at least 1."""
AS_MANY = ("reg_weights", "mixture_weights", "dropout_probs")
"""Lists of as many numbers as the default has."""
TRANSFORMERS = ("BERT4Rec", "FDSA", "FEARec", "GCSAN", "LightSANs", "S3Rec", "SASRec", "SASRecF")
ACTIVATIONS = ("gelu", "relu", "swish", "tanh", "sigmoid")
EXISTING = existing_file()
NO_LAYERS = list_of(whole(1), empty=True)
"""Sizes of hidden layers, without which some models are linear and others fail."""
LAYER_ACTIVATIONS = ("sigmoid", "tanh", "relu", "leakyrelu", "dice", "none")
POOLING = ("mean", "max", "sum")
NOISE = ("linear", "linear-var", "cosine", "binomial")
NEIGHBOURS = ("sum", "neighbor", "concat")


def _fields() -> Rule:
    """Columns in numbered fields."""
    columns = list_of(text())
    return Rule(
        lambda value: isinstance(value, dict) and bool(value) and all(map(columns.allows, value.values())),
        "a dictionary from a number to the columns of a field, {0: ['user_id', 'age'], 1: ['item_id']} say",
    )


def _as_many_as(default: list[Any]) -> Rule:
    """As many numbers as the default has, or more, of which RecBole takes the first."""
    return Rule(
        lambda value: (
            isinstance(value, list | tuple) and len(value) >= len(default) and all(map(number().allows, value))
        ),
        f"a list of {len(default)} numbers such as {default!r}",
    )


OF_ALL: dict[str, Rule] = {
    **dict.fromkeys(COUNTS, whole(1)),
    **dict.fromkeys(FROM_ZERO, whole(0)),
    **dict.fromkeys(DROPPED, number(0, 1, below=True)),
    **dict.fromkeys(SHARES, number(0, 1)),
    **dict.fromkeys(SIZES, list_of(whole(1))),
    **dict.fromkeys(ABOVE_ZERO, number(0, inclusive=False)),
    "in_dims": list_of(whole(1)),
    "out_dims": list_of(whole(1), empty=True),
    "selected_features": list_of(text()),
    **dict.fromkeys(FROM_ZERO_ON, number(0)),
    "hidden_act": one_of(*ACTIVATIONS),
    "mlp_act_func": one_of(*LAYER_ACTIVATIONS, exactly=False),
    "ae_act_func": one_of(*LAYER_ACTIVATIONS, exactly=False),
    "pooling_mode": one_of(*POOLING),
    "noise_schedule": one_of(*NOISE),
    "mean_type": one_of("x0", "eps"),
    "loss_type": one_of("BPR", "CE"),
    "time-aware": truth(),
}
"""Options that take the same in every model that has them."""

OF_ONE: dict[str, dict[str, Rule]] = {
    **{model: {"n_layers": whole(1)} for model in TRANSFORMERS},
    "BERT4Rec": {"n_layers": whole(1), "mask_ratio": number(0, 1, inclusive=False)},
    "CDAE": {
        "loss_type": one_of("BCE", "MSE"),
        "hid_activation": one_of("sigmoid", "relu", "tanh"),
        "out_activation": one_of("sigmoid", "relu"),
    },
    **{model: {"mlp_hidden_size": NO_LAYERS} for model in ("DSSM", "MultiDAE", "MultiVAE", "xDeepFM")},
    **{model: {"dims_dnn": NO_LAYERS} for model in ("DiffRec", "LDiffRec")},
    "CFKG": {"loss_function": one_of("inner_product", "transe")},
    "CORE": {"n_layers": whole(1), "dnn_type": one_of("trm", "ave"), "loss_type": one_of("CE")},
    "ConvNCF": {"train_method": one_of("after_pretrain", "no_pretrain")},
    "DCNV2": {"structure": one_of("parallel", "stacked")},
    "DGCF": {"n_iterations": whole(1)},
    "DIEN": {"gru_type": one_of("GRU", "AIGRU", "AGRU", "AUGRU")},
    "DMF": {"inter_matrix_type": one_of("01", "rating")},
    "FEARec": {"n_layers": whole(1), "fredom_type": or_none(one_of("us", "un", "su", "None"))},
    **{model: {"fields": or_none(_fields())} for model in ("FFM", "FwFM")},
    "FPMC": {"loss_type": one_of("BPR")},
    "GCSAN": {"n_layers": whole(1), "weight": number(0, 1)},
    "GCMC": {"accum": one_of("sum", "stack")},
    "HGN": {"pooling_type": one_of("average", "max")},
    "HRM": dict.fromkeys(("pooling_type_layer_1", "pooling_type_layer_2"), one_of("max", "average")),
    "IALS": {
        "ials_factors": whole(1),
        "ials_alpha": number(0, HEAVY, inclusive=False),
        "ials_reg": number(0, HEAVY, inclusive=False),
        "ials_reg_power": number(0, 1),
        "ials_iterations": whole(1),
    },
    "KD_DAGFM": {
        "teacher": one_of("CrossNet", "CIN"),
        "phase": one_of("teacher_training", "distillation", "finetuning"),
        "type": one_of("inner", "outer"),
    },
    "KGAT": {"aggregator_type": one_of("gcn", "graphsage", "bi")},
    "KGCN": {"aggregator": one_of(*NEIGHBOURS)},
    "KGIN": {"ind": one_of("mi", "distance", "cosine")},
    "KGNNLS": {"aggregator": one_of(*NEIGHBOURS)},
    "LINE": {"order": whole(1, 2)},
    "MCCLK": {"loss_type": one_of("BPR")},
    "MacridVAE": {"std": number(0), "encoder_hidden_size": NO_LAYERS},
    "NAIS": {"algorithm": one_of("prod", "concat"), "pretrain_path": or_none(EXISTING)},
    "NARM": {"n_layers": whole(1)},
    "NGCF": {"hidden_size_list": NO_LAYERS},
    "NNCF": {"neigh_info_method": one_of("random", "knn", "louvain")},
    "RaCT": {
        "train_stage": one_of("actor_pretrain", "critic_pretrain", "finetune"),
        "mlp_hidden_size": NO_LAYERS,
        "critic_layers": NO_LAYERS,
    },
    "RepeatNet": {"loss_type": one_of("CE")},
    "S3Rec": {"n_layers": whole(1), "train_stage": one_of("pretrain", "finetune")},
    "SGL": {"type": one_of("ED", "ND", "RW")},
    "SINE": {"loss_type": one_of("BPR", "CE", "NLL")},
    "SLIMElastic": {"alpha": number(0)},
    "SimpleX": {"aggregator": one_of("mean", "user_attention", "self_attention"), "margin": number(-1, 1)},
}
"""Options that one model reads in its own way."""


class Divided(NamedTuple):
    """Two options of a model, of which one divides the other."""

    size: str
    by: str


_ATTENTION = Divided("hidden_size", "n_heads")
DIVISIONS: dict[str, Divided] = {
    **dict.fromkeys(TRANSFORMERS, _ATTENTION),
    "CORE": Divided("embedding_size", "n_heads"),
    "AutoInt": Divided("attention_size", "num_heads"),
    "FiGNN": Divided("attention_size", "num_heads"),
    "DGCF": Divided("embedding_size", "n_factors"),
}
"""Sizes that are cut into equal parts."""


AT_MOST: dict[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(("DiffRec", "LDiffRec"), (("sampling_steps", "steps"),)),
    "FOSSIL": (("order_len", "MAX_ITEM_LIST_LENGTH"),),
    "HRM": (("high_order", "MAX_ITEM_LIST_LENGTH"),),
    "SHAN": (("short_item_length", "MAX_ITEM_LIST_LENGTH"),),
}
"""Options that are no larger than another one."""


class NeededFile(NamedTuple):
    """An option that names a file which a model reads if another option has one of some values."""

    option: str
    by: str
    values: tuple[Any, ...]


FILES: dict[str, tuple[NeededFile, ...]] = {
    "ConvNCF": (NeededFile("pre_model_path", "train_method", ("after_pretrain",)),),
    "KD_DAGFM": (NeededFile("warm_up", "phase", ("distillation", "finetuning")),),
    "NeuMF": tuple(NeededFile(option, "use_pretrain", (True,)) for option in ("mf_pretrain_path", "mlp_pretrain_path")),
    "RaCT": (NeededFile("pre_model_path", "train_stage", ("critic_pretrain", "finetune")),),
    "S3Rec": (NeededFile("pre_model_path", "train_stage", ("finetune",)),),
}


def rule_of(model: str, option: str, default: Any) -> Rule | None:
    """Return what an option of a model takes, ``None`` if nothing is known.

    Args:
        model: a model of RecBole, without suffixes.
        option: its name.
        default: its value in RecBole's files.
    """
    if isinstance(default, list) and (option in AS_MANY or option == "reg_weight"):
        return _as_many_as(default)
    return OF_ONE.get(model, {}).get(option) or OF_ALL.get(option) or of_kind(default)


def check_model_options(model: str, defaults: dict[str, Any], settings: dict[str, Any]) -> None:
    """Compare the options of a model with their rules.

    Args:
        model: a model of RecBole, without suffixes.
        defaults: every option that it knows, with its default.
        settings: the options as they will be.

    Raises:
        InputError: names the option, its value and what is allowed.
    """
    for option, value in settings.items():
        default = defaults.get(option)
        if option not in defaults or (type(value) is type(default) and value == default):
            continue
        rule = rule_of(model, option, default)
        if rule is not None:
            check(rule, option, value)
    _check_together(model, settings)


def _check_together(model: str, settings: dict[str, Any]) -> None:
    """Refuse options of a model that do not fit one another."""
    for file in FILES.get(model, ()):
        if settings[file.by] in file.values and not EXISTING.allows(settings[file.option]):
            raise InputError(
                f"option {file.option}={settings[file.option]!r} is not allowed; with {file.by}={settings[file.by]!r} "
                f"it takes {EXISTING.takes}"
            )
    for smaller, larger in AT_MOST.get(model, ()):
        if settings[smaller] > settings[larger]:
            raise InputError(
                f"option {smaller}={settings[smaller]!r} is not allowed; it takes a number of at most "
                f"{larger}={settings[larger]!r}"
            )
    if model == "DMF" and settings["user_hidden_size_list"][-1] != settings["item_hidden_size_list"][-1]:
        raise InputError(
            f"options user_hidden_size_list={shown(settings['user_hidden_size_list'])} and "
            f"item_hidden_size_list={shown(settings['item_hidden_size_list'])} are not allowed; they take lists with "
            "the same last size"
        )
    division = DIVISIONS.get(model)
    if division and settings[division.size] % settings[division.by]:
        raise InputError(
            f"option {division.by}={settings[division.by]!r} is not allowed; it takes a number that divides "
            f"{division.size}={settings[division.size]!r}"
        )


def needs_negatives(config: Any) -> str | None:
    """Return why a model cannot be trained without drawn negatives, ``None`` if it can.

    The reason is the predicate of a sentence whose subject is the model. Some models of pairs take none:
    autoencoders get whole users, and a loss over all items (``loss_type: CE``) has no single negative.
    """
    base, loss = config.name.base, config["loss_type"]
    if config["MODEL_TYPE"] is ModelType.KNOWLEDGE:
        return "draws negatives in its knowledge graph and needs uniform or popularity"
    if get_dataloader({**config.final_config_dict, "model": base}, "train") is UserDataLoader:
        return None
    if config["MODEL_INPUT_TYPE"] is InputType.PAIRWISE and loss in (None, "BPR"):
        return "trains on pairs and needs negative items"
    return None
