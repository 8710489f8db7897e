"""The case of a scene: its record, what its workflow does with it, what each reader is shown of it.

Written to only through `gongzhi.dispatch`; read only through `gongzhi.cases.reading`.
"""
