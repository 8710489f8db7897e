"""Where Piccolo finds its engine and apps; the store points the variable `PICCOLO_CONF` here."""

from piccolo.conf.apps import AppRegistry

from gongzhi.store.engine import CurrentEngine

DB = CurrentEngine()
APP_REGISTRY = AppRegistry()
