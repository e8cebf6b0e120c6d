"""What this package plants in RecBole's data sets: texts kept as they are, rows that are counted, ids of a training."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from recbole.data.dataset import Dataset, KnowledgeBasedDataset
from recbole.data.dataset import dataset as dataset_module
from recbole.data.interaction import Interaction
from recbole.utils import FeatureType

from recbole_ile.plugin.data import atomic_parser, file_rows, id_codes, left_out, splitting
from recbole_ile.plugin.data import cache as dataset_cache
from recbole_ile.plugin.data.atomic_files import reading_error
from recbole_ile.plugin.patching import Patches, StandIn

HOOKS = Patches()


@HOOKS.add
def atomic_files() -> None:
    """``Dataset`` reads ids such as ``NA`` and ``None`` as missing, slowly, and what it cannot read it does not name.

    It reads atomic files with pandas' parser in Python, which takes several times as long as that in C. Can go when
    RecBole reads texts with ``keep_default_na=False`` and leaves the choice of the parser to pandas.
    """
    pandas = dataset_module.pd
    load_feat = Dataset._load_feat

    @functools.wraps(load_feat)
    def load_and_tell(self: Any, filepath: str, source: Any) -> Any:
        with atomic_parser.noted() as notes:
            try:
                table = load_feat(self, filepath, source)
            except (ValueError, TypeError, KeyError) as error:
                raise reading_error(filepath, error, self.config) from error
        left_out.remember(self, notes)
        if table is not None:
            left_out.count_repeated(self, table, filepath)
        return table

    dataset_module.pd = StandIn(pandas, read_csv=functools.partial(atomic_parser.read_csv, pandas.read_csv))
    Dataset._load_feat = load_and_tell


@HOOKS.add
def ids_in_arrow() -> None:
    """``Dataset`` numbers ids by making an object of Python of each, which takes the most memory of all of the reading.

    Can go when RecBole numbers columns of Arrow, in which pandas 3 holds texts, as they are.
    """
    pandas = dataset_module.pd
    remap = Dataset._remap

    @functools.wraps(remap)
    def remap_in_arrow(self: Any, remap_list: Any) -> None:
        columns = [table[field] for table, field, _ in remap_list]
        texts = id_codes.joined(columns) if columns else None
        if texts is None:
            remap(self, remap_list)
            return
        ends = np.cumsum([len(column) for column in columns])[:-1]
        del columns  # which are replaced
        self._concat_remaped_tokens = lambda _: (texts, ends)
        try:
            remap(self, remap_list)
        finally:
            del self._concat_remaped_tokens

    dataset_module.pd = StandIn(pandas, factorize=functools.partial(id_codes.factorize, pandas.factorize))
    Dataset._remap = remap_in_arrow


@HOOKS.add
def whole_columns() -> None:
    """``Dataset`` counts and splits the interactions of users one by one, which many users make slow.

    RecBole issues 1455 and 1899 are about its speed on large data. Rows, their order and the parts are the same. Can
    go when RecBole groups rows by sorting them.
    """
    split_by_ratio, leave_one_out = Dataset.split_by_ratio, Dataset._split_index_by_leave_one_out
    rows_of = Interaction.__getitem__

    @functools.wraps(split_by_ratio)
    def split(self: Any, ratios: Any, group_by: Any = None) -> Any:
        return split_by_ratio(self, ratios) if group_by is None else splitting.split_by_ratio(self, ratios, group_by)

    @functools.wraps(leave_one_out)
    def leave_out(self: Any, grouped_index: Any, leave_one_num: Any) -> Any:
        if isinstance(grouped_index, splitting.RowsByGroup):
            return splitting.leave_out(grouped_index, leave_one_num)
        return leave_one_out(self, grouped_index, leave_one_num)

    @functools.wraps(rows_of)
    def find_rows(self: Any, index: Any) -> Any:
        if isinstance(index, np.ndarray | torch.Tensor) and index.ndim == 1:
            # RecBole makes a list of it, of whose numbers each is looked at again for each column.
            where = torch.as_tensor(index)
            columns = self.interaction.items()
            return Interaction({name: column[where.to(column.device)] for name, column in columns})
        return rows_of(self, index)

    Dataset.split_by_ratio, Dataset._split_index_by_leave_one_out = split, leave_out
    Dataset._grouped_index = lambda _, group_by_list: splitting.RowsByGroup(group_by_list)
    Dataset._filter_by_inter_num = splitting.filter_by_interactions
    Interaction.__getitem__ = find_rows


@HOOKS.add
def counted_filters() -> None:
    """``Dataset`` drops rows for many reasons, most without a word, and for a missing id sometimes the wrong ones.

    ``_filter_nan_user_or_item`` takes the numbers of rows for their positions after it has dropped some, and nobody
    looks for missing ids in benchmark files, where they become padding. Can go when RecBole says what it drops.
    """

    def counted(owner: Any, name: str, reason: Callable[[Any], str], of_missing: bool = False) -> None:
        method = getattr(owner, name)

        @functools.wraps(method)
        def call(self: Any) -> None:
            with left_out.counting(self, reason(self.config), of_missing):
                method(self)

        setattr(owner, name, call)

    def before(owner: Any, name: str, act: Callable[[Any], None]) -> None:
        method = getattr(owner, name)

        @functools.wraps(method)
        def call(self: Any) -> Any:
            act(self)
            return method(self)

        setattr(owner, name, call)

    def finish(dataset: Any) -> None:
        if dataset.benchmark_filename_list is not None:
            left_out.refuse_without_id(dataset)
        left_out.settle(dataset)

    def intervals(config: Any) -> str:
        keys = ("user_inter_num_interval", "item_inter_num_interval")
        return " and ".join(f"{key}={config[key]}" for key in keys if config[key] is not None)

    before(Dataset, "_filter_nan_user_or_item", left_out.drop_without_id)
    before(Dataset, "_reset_index", left_out.check_not_empty)
    before(Dataset, "_remap_ID_all", finish)
    counted(Dataset, "_remove_duplication", lambda config: f"that are repeated (rm_dup_inter={config['rm_dup_inter']})")
    counted(Dataset, "_filter_by_field_value", lambda config: f"outside of val_interval={config['val_interval']}")
    counted(Dataset, "_filter_by_inter_num", lambda config: f"outside of {intervals(config)}")
    counted(
        Dataset,
        "_filter_inter_by_user_or_item",
        lambda _: "without a row in the file of users or items (filter_inter_by_user_or_item=True)",
        of_missing=True,
    )
    counted(
        KnowledgeBasedDataset, "_filter_link", lambda _: "whose item the .link file links to no entity of the .kg file"
    )
    describe = Dataset.__str__

    @functools.wraps(describe)
    def with_what_was_left_out(self: Any) -> str:
        return "\n".join([describe(self), *left_out.describe(self)])

    Dataset.__str__ = with_what_was_left_out


@HOOKS.add
def rows_of_the_file() -> None:
    """``Dataset`` forgets which rows of its file are left when it numbers them anew after its filters.

    Whoever writes the rows of a part again asks for them within ``file_rows.remembered``. Can go when RecBole keeps the
    index of the file's table.
    """
    reset_index = Dataset._reset_index

    @functools.wraps(reset_index)
    def remember_and_reset(self: Any) -> None:
        file_rows.remember(self)
        reset_index(self)

    Dataset._reset_index = remember_and_reset


@HOOKS.add
def ids_of_a_training() -> None:
    """``Dataset`` numbers users and items in the order of the files, whatever a trained model knows them by.

    A configuration with ``training_ids``, the tokens of each vocabulary by one of its fields, has them numbered as
    for its training: what is not among them becomes padding, and an interaction, user or item of that kind is left
    out. RecBole issue 2074; can go when RecBole keeps ids in its checkpoints.
    """
    remap = Dataset._remap

    def drop_unknown(dataset: Any, table: Any, known: Any) -> None:
        if table is dataset.inter_feat and dataset.benchmark_filename_list is not None:
            ends = np.cumsum(dataset.file_size_list)
            dataset.file_size_list = [int(part.sum()) for part in np.split(known, ends[:-1])]
        table.drop(table.index[~known], inplace=True)
        table.reset_index(drop=True, inplace=True)

    @functools.wraps(remap)
    def remap_as_trained(self: Any, remap_list: Any) -> None:
        vocabularies = getattr(self.config, "training_ids", None) or {}
        field = next((field for _, field, _ in remap_list if field in vocabularies), None)
        if field is None:
            remap(self, remap_list)
            return
        tokens = vocabularies[field].astype(object)
        remap(self, [(pd.DataFrame({field: tokens}), field, FeatureType.TOKEN), *remap_list])
        most = len(tokens)
        numbered = self.field2id_token[field][: most + 1]
        ids = {token: number for number, token in enumerate(numbered)}
        for table, name, kind in remap_list:
            self.field2id_token[name], self.field2token_id[name] = numbered, ids
            if kind == FeatureType.TOKEN:
                known = (table[name] <= most).to_numpy()
                table.loc[~known, name] = 0
                if name in (self.uid_field, self.iid_field):
                    drop_unknown(self, table, known)
            else:
                table[name] = [entries[entries <= most] for entries in table[name]]

    Dataset._remap = remap_as_trained


@HOOKS.add
def numbered_rows() -> None:
    """``Dataset`` does not tell which rows of the whole its parts have, which is all that the cache keeps of a part.

    Right before it splits, in whichever way, it drops unused columns; that is where the cache numbers the rows. Can
    go when RecBole keeps the rows' numbers, or offers a method that is called before the split.
    """
    drop_unused_columns = Dataset._drop_unused_col

    @functools.wraps(drop_unused_columns)
    def drop_and_number(self: Any) -> None:
        drop_unused_columns(self)
        dataset_cache.number_rows(self)

    Dataset._drop_unused_col = drop_and_number
