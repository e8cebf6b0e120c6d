"""The paper as pure functions of tensors; knows neither RecBole nor Ray."""
